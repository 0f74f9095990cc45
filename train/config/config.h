// The complete description of a training run: the options of what it is made of. Each names its own
// fields (engine/core/setting.h): one field is one key, `[table] key` in TOML, `--key` (dashes for
// underscores) on the command line, AMCL_TABLE_KEY in the environment. The resolved values are stored
// in the run directory and in each checkpoint.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "data/views/augment_policy.h"
#include "engine/optimizer/optimizer_options.h"
#include "engine/optimizer/schedule_options.h"
#include "models/methods/list.h"
#include "train/config/data_options.h"
#include "train/config/train_options.h"

namespace amcl {

struct Config {
  DataOptions data;
  AugmentPolicy augment;
  MethodOptions method;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  TrainOptions train;
};

// The settings that decide which others there are and what is usual for them, by their names.
struct Choices {
  std::string method = "simclr";
  std::string temperature = {};  // adaptive | fixed | a number; empty: what is usual for the method
  std::string objective = "amcl";
  std::string optimizer = "sgd";
  std::string schedule = "cosine";
  std::string device = "cpu";
};

// What is wrong with a value: who reports it knows where the value came from.
struct ConfigComplaint {
  std::string key;
  std::string value;
  std::string what;  // "must be at least 2"
};

// A name that is not known, or a temperature that the method has not.
std::optional<ConfigComplaint> first_complaint(const Choices& choices);

// Every setting at its usual value for the choices, which are without complaint.
Config usual_config(const Choices& choices = {});

// Calls the visitor with each setting that has an effect on this run. One that sets fields may change
// which come after it.
void visit_settings(Config& config, const SettingVisitor& visitor);

struct ConfigTable {
  const char* name;   // "augment"
  const char* title;  // in the help: "Augmentation"
};
std::span<const ConfigTable> config_tables();
// Where the setting's table stands among them.
size_t table_index(const Setting& setting);

// The first value that is out of range by itself or against another.
std::optional<ConfigComplaint> first_complaint(const Config& config);
// Throws Error(usage) naming the flag, its value and the remedy of that.
void validate(const Config& config);

// Puts what follows from other settings in the place of what is left to them: the weights of Omega.
void fill_dependent(Config& config);

}  // namespace amcl
