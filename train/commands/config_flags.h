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
  // The same of amcl finetune, without presets and without the keys of `fixed`.
  ConfigFlags(CLI::App& app, RunKind kind, const std::vector<std::string>& fixed);
  ConfigFlags(const ConfigFlags&) = delete;
  ConfigFlags& operator=(const ConfigFlags&) = delete;

  // A positional NAME that stands for --preset NAME.
  void add_preset_name();

  // As if the setting had been given as a flag.
  void fix(const std::string& key, const std::string& text) { fixed_.emplace_back(key, text); }

  // After parsing: what was given, over the environment of this process. `file` takes the place of
  // --config (the configuration of a run that goes on), which may then not be given, nor --preset.
  ResolvedConfig resolve(const std::string& file = {}) const;

 private:
  void add_flag(CLI::App& app, const KnownSetting& known, RunKind kind);
  void add_sources(CLI::App& app);

  std::vector<std::pair<const KnownSetting*, CLI::Option*>> flags_;
  CLI::App& app_;
  std::string preset_;
  std::string file_;
  std::vector<std::string> assignments_;
  std::vector<std::pair<std::string, std::string>> fixed_;
};

// The configuration file of the run to go on with (RunOptions::resume). Error(missing).
std::string config_of_run(const std::string& run);

// Prints the warnings to stderr, one line each.
void print_warnings(const ResolvedConfig& resolved);

}  // namespace amcl
