#include "train/commands/config_flags.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "engine/core/check.h"
#include "train/checkpoint/run_files.h"
#include "train/commands/option.h"
#include "train/config/setting_name.h"
#include "train/config/stored_config.h"
#include "train/printable.h"

namespace amcl {

ConfigFlags::ConfigFlags(CLI::App& app, const std::vector<std::string>& only) : app_(app) {
  const auto wanted = [&](const Setting& setting) {
    return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& name) {
             return name == setting.table || name == concat_text(setting.table, '.', setting.key);
           });
  };
  for (const KnownSetting& known : known_settings(RunKind::pretrain))
    if (wanted(known.setting)) add_flag(app, known, RunKind::pretrain);
  app.add_option("--preset", preset_,
                 "a published recipe (amcl config list); a file, the environment and flags win "
                 "over it")
      ->type_name("NAME")
      ->take_last()
      ->group("Configuration");
  add_sources(app);
}

ConfigFlags::ConfigFlags(CLI::App& app, RunKind kind, const std::vector<std::string>& fixed)
    : app_(app) {
  for (const KnownSetting& known : known_settings(kind))
    if (std::find(fixed.begin(), fixed.end(), known.setting.key) == fixed.end())
      add_flag(app, known, kind);
  add_sources(app);
}

void ConfigFlags::add_sources(CLI::App& app) {
  app.add_option("--config", file_,
                 "TOML file of settings; flags and the environment win over it (also AMCL_CONFIG)")
      ->type_name("FILE")
      ->take_last()
      ->group("Configuration");
  app.add_option("--set", assignments_, "one setting by its key, such as optimizer.lr=0.1")
      ->type_name("KEY=VALUE")
      ->group("Configuration")
      ->expected(1)
      ->take_all();
}

void ConfigFlags::add_preset_name() {
  app_.add_option("name", preset_, "a recipe of amcl config list, as --preset")
      ->type_name("NAME")
      ->take_last();
}

void ConfigFlags::add_flag(CLI::App& app, const KnownSetting& known, RunKind kind) {
  const std::string flag = flag_of(known.setting.key);
  OptionHelp help = help_of(known);
  // Of which there is one view.
  if (kind == RunKind::finetune && help.unit == "image pairs") help.unit = "images";
  const std::string text = describe(help, known.usual);
  CLI::Option* option = nullptr;
  if (known.is_switch()) {
    option = app.add_flag(flag + ",!--no-" + flag.substr(2), text);
  } else {
    option = app.add_option(flag, text)->type_name(known.setting.value)->expected(1);
  }
  option->take_last()->group(config_tables()[table_index(known.setting)].title);
  flags_.emplace_back(&known, option);
}

ResolvedConfig ConfigFlags::resolve(const std::string& file) const {
  if (!file.empty() && !file_.empty()) {
    fail(ErrorKind::usage, "--config ", file_, " together with --resume: the run has its own, ",
         file, "; leave --config out");
  }
  if (!file.empty() && !preset_.empty()) {
    fail(ErrorKind::usage, "--preset ", preset_,
         " together with --resume: the run has its own settings, ", file, "; leave --preset out");
  }
  // By itself first: what is wrong in a run's own file is no mistake of this command line.
  if (!file.empty()) as_stored(file, [&] { resolve_config({.file = file}); });
  ConfigSources sources{.preset = preset_,
                        .file = file.empty() ? file_ : file,
                        .flags = {},
                        .assignments = assignments_,
                        .environment = process_environment()};
  for (const auto& [known, option] : flags_) {
    if (option->count() > 0)
      sources.flags.emplace_back(known->setting.key, option->results().back());
  }
  for (const auto& [key, text] : fixed_) sources.flags.emplace_back(key, text);
  return resolve_config(sources);
}

std::string config_of_run(const std::string& run) {
  std::error_code unreadable;
  const bool there = std::filesystem::exists(run, unreadable);
  const std::string path = config_path_of(there ? directory_of_run(run) : run);
  if (!std::filesystem::exists(path, unreadable))
    fail(ErrorKind::missing, "--resume ", run, ": there is no run (no ", path,
         "); name the --out of an earlier run");
  return path;
}

void print_warnings(const ResolvedConfig& resolved) {
  for (const std::string& warning : resolved.warnings) {
    std::fprintf(stderr, "amcl: warning: %s\n", printable(warning).c_str());
  }
}

}  // namespace amcl
