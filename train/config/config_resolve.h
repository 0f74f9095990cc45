// One configuration out of all its sources: flags (and --set) over the environment over a file over
// a preset over what is usual, remembering for each value where it came from.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "train/config/config.h"

namespace amcl {

struct ConfigSources {
  std::string preset = {};  // --preset; empty: none
  std::string file = {};    // --config; empty: the one that AMCL_CONFIG names, if it is set
  std::vector<std::pair<std::string, std::string>> flags = {};  // key ("crop_scale") and text
  std::vector<std::string> assignments = {};  // of --set: "lr=0.1", "optimizer.lr=0.1"
  std::vector<std::string> environment = {};  // "NAME=text" of the process
};

// The "NAME=text" entries of this process whose names begin with AMCL_.
std::vector<std::string> process_environment();

// Ascending: a later one wins over those before it.
enum class OriginKind { preset, file, environment, flag };

struct ConfigOrigin {
  OriginKind kind;
  std::string name;  // "preset moco-colab", "a.toml:12", "AMCL_...", "--lr"
};

struct ResolvedConfig {
  ResolvedConfig(Config complete_config) : config(std::move(complete_config)) {}  // NOLINT: no text

  Config config;
  std::map<std::string, ConfigOrigin> origins = {};  // by the key of what was given
  std::vector<std::string> warnings = {};            // one line each

  bool gives(const std::string& key) const { return origins.contains(key); }
};

// Checks every value. Throws Error(missing) if the file is not there, Error(usage) for an unknown key, an
// environment variable whose name is a setting's but for two letters, a bad value, or a setting that has
// no effect on what is asked; each names where the value stands. Any other variable that begins with
// AMCL_ only gives a warning: scripts may use it.
ResolvedConfig resolve_config(const ConfigSources& sources);

// The same of one text alone; `name` stands for it in messages ("runs/a/config.toml").
Config config_from_toml(const std::string& text, const std::string& name);

}  // namespace amcl
