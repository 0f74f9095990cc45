#include "train/commands/config_flags.h"

#include <algorithm>
#include <cstdio>

#include "engine/core/check.h"
#include "train/commands/option.h"
#include "train/config/config_value.h"
#include "train/config/stored_config.h"
#include "train/printable.h"

namespace amcl {

ConfigFlags::ConfigFlags(CLI::App& app, const std::vector<std::string>& only) : app_(app) {
  const auto wanted = [&](const Setting& setting) {
    return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& name) {
             return name == setting.table || name == setting.table + '.' + setting.key;
           });
  };
  for (const ConfigTable& table : config_tables()) {
    for (const Setting& setting : config_settings()) {
      if (setting.table == table.name && wanted(setting)) add_flag(app, setting, table.title);
    }
  }
  app.add_option("--preset", preset_,
                 "a published recipe (amcl config list); a file, the environment and flags win "
                 "over it")
      ->type_name("NAME")
      ->take_last()
      ->group("Configuration");
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

void ConfigFlags::add_flag(CLI::App& app, const Setting& setting, const std::string& group) {
  const OptionHelp help{setting.value, setting.unit, setting.help, setting.allowed, setting.range};
  const std::string text = describe(help, value_text(setting, Config{}));
  CLI::Option* option = nullptr;
  if (setting.is_switch()) {
    const std::string negation = "!--no-" + setting.flag().substr(2);
    option = app.add_flag(setting.flag() + ',' + negation, text);
  } else {
    option = app.add_option(setting.flag(), text)->type_name(setting.value)->expected(1);
  }
  option->take_last()->group(group);
  flags_.emplace_back(&setting, option);
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
  for (const auto& [setting, option] : flags_) {
    if (option->count() > 0) sources.flags.emplace_back(setting->key, option->results().back());
  }
  return resolve_config(sources);
}

void print_warnings(const ResolvedConfig& resolved) {
  for (const std::string& warning : resolved.warnings) {
    std::fprintf(stderr, "amcl: warning: %s\n", printable(warning).c_str());
  }
}

}  // namespace amcl
