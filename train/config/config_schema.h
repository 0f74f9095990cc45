// The one table of settings: from it come the flags and their help, the keys of TOML files, the
// environment variables, the checks of values, and what a resumed run may change.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "train/config/config.h"
#include "train/config/value_text.h"

namespace amcl {

// A setting's place in a Config.
using ConfigField =
    std::variant<std::string*, int64_t*, uint64_t*, double*, bool*, ViewProbability*,
                 std::optional<ViewProbability>*, std::array<double, 2>*, std::array<double, 4>*,
                 std::optional<std::string>*, std::optional<int64_t>*, std::optional<double>*,
                 std::optional<bool>*, std::optional<std::array<double, 3>>*,
                 std::optional<std::vector<double>>*>;

// The choices with which a setting has an effect: those values of another setting, by its key.
struct OnlyWith {
  std::string key = {};  // empty: always
  std::vector<std::string> values = {};
};

struct Setting {
  std::string table = {};
  std::string key = {};
  ConfigField (*field)(Config&) = nullptr;
  std::string value =
      {};  // stands for the value in the help: "N", "DIR|FILE|shapes10"; empty for a switch
  std::string unit = {};  // "pixels"; empty: none
  std::string help = {};
  std::vector<std::string> allowed = {};  // of a text; empty: any
  bool number_too = false;                // a text that may be a number
  ValueRange range = {};                  // of a number, or of each of several
  bool may_change = false;                // in a resumed run
  OnlyWith only_with = {};                // of an optional field
  bool adaptive_only = false;             // has no effect without adaptive temperatures
  bool by_data = false;                   // an empty one is settled when the data are there

  bool is_switch() const { return value.empty(); }
  bool is_text() const;
  std::string config_name() const;       // "[augment] crop_scale"
  std::string flag() const;              // "--crop-scale"
  std::string environment_name() const;  // "AMCL_AUGMENT_CROP_SCALE"
};

// In the order of Config's fields. Keys are unique over all tables, since flags name no table.
const std::vector<Setting>& config_settings();

struct ConfigTable {
  const char* name;   // "augment"
  const char* title;  // in the help: "Augmentation"
};
std::vector<ConfigTable> config_tables();

// The setting of a key, with its table ("optimizer.lr") or without ("lr"); null if there is none.
const Setting* find_setting(const std::string& name);

}  // namespace amcl
