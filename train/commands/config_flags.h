// The settings as flags of a sub-command, with --config and --set.
#pragma once
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <utility>
#include <vector>

#include "train/config/config_resolve.h"
#include "train/config/known_setting.h"

namespace amcl {

class ConfigFlags {
 public:
  // Adds the flags to `app`, in one group per table: all of them, or those of the tables ("data")
  // and keys ("train.seed") in `only`. Must outlive the parsing.
  explicit ConfigFlags(CLI::App& app, const std::vector<std::string>& only = {});
  ConfigFlags(const ConfigFlags&) = delete;
  ConfigFlags& operator=(const ConfigFlags&) = delete;

  // A positional NAME that stands for --preset NAME.
  void add_preset_name();

  // After parsing: what was given, over the environment of this process. `file` takes the place of
  // --config (the configuration of a run that goes on), which may then not be given, nor --preset.
  ResolvedConfig resolve(const std::string& file = {}) const;

 private:
  void add_flag(CLI::App& app, const KnownSetting& known);

  std::vector<std::pair<const KnownSetting*, CLI::Option*>> flags_;
  CLI::App& app_;
  std::string preset_;
  std::string file_;
  std::vector<std::string> assignments_;
};

// Prints the warnings to stderr, one line each.
void print_warnings(const ResolvedConfig& resolved);

}  // namespace amcl
