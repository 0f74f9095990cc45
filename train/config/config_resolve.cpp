#include "train/config/config_resolve.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/core/check.h"
#include "engine/io/file.h"
#include "train/config/config_check.h"
#include "train/config/config_toml.h"
#include "train/config/config_value.h"
#include "train/config/method_config.h"
#include "train/config/nearest_name.h"
#include "train/config/objective_config.h"
#include "train/config/recipe.h"
#include "train/config/synonym.h"

namespace amcl {
namespace {

constexpr const char* kPrefix = "AMCL_";
constexpr const char* kConfigVariable = "AMCL_CONFIG";
constexpr const char* kGoldenVariable = "AMCL_GOLDEN_DIR";  // of the tests
// A variable so near to a setting's is misspelt; scripts have variables of their own.
constexpr int64_t kMisspeltEdits = 2;

struct Assignment {
  std::string name;
  std::string text;
};

Assignment split_assignment(const std::string& entry) {
  const size_t equals = entry.find('=');
  if (equals == std::string::npos) return {entry, {}};
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

std::string read_text(const std::string& path) {
  constexpr int64_t kMostBytes = int64_t{1} << 20;
  File file = File::open_for_reading(path);
  if (file.size() > kMostBytes)
    fail(ErrorKind::data, path, ": is ", file.size(), " bytes long, too long for a configuration (",
         kMostBytes, " at most)");
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

size_t index_of(const Setting& setting) {
  return static_cast<size_t>(&setting - config_settings().data());
}

class Resolver {
 public:
  Resolver() {
    resolved_.origins.assign(config_settings().size(), {OriginKind::fallback, "default"});
  }

  // `preset` wins over the one that the file names.
  void apply_file(const std::string& path, const std::string& preset) {
    const TomlFile file = read_toml(read_text(path), path);
    if (preset.empty() && !file.preset.empty()) {
      apply_preset(find_recipe(file.preset, file.preset_place));
    } else {
      apply_preset(preset);
    }
    for (const TomlValue& value : file.values) {
      set(*value.setting, value.text, OriginKind::file, concat_text(path, ':', value.line));
    }
  }

  void apply_preset(const std::string& preset) {
    if (!preset.empty()) apply_preset(find_recipe(preset));
  }

  void apply_preset(const Recipe& recipe) {
    const std::string name = concat_text("preset ", recipe.name);
    for (const TomlValue& value : read_toml(std::string(recipe.text), name).values) {
      set(*value.setting, value.text, OriginKind::preset, name);
    }
  }

  void apply_environment(const std::vector<std::string>& environment) {
    for (const std::string& entry : environment) {
      const Assignment variable = split_assignment(entry);
      const std::string& name = variable.name;
      if (!name.starts_with(kPrefix) || name == kConfigVariable || name == kGoldenVariable) {
        continue;
      }
      const auto& settings = config_settings();
      const auto setting = std::find_if(settings.begin(), settings.end(), [&](const Setting& one) {
        return one.environment_name() == name;
      });
      if (setting != settings.end()) {
        set(*setting, variable.text, OriginKind::environment, name);
      } else {
        complain_of_variable(name);
      }
    }
  }

  void apply_flag(const Setting& setting, const std::string& text, const std::string& name) {
    const auto [_, first] = given_.emplace(setting.key, name);
    if (!first && given_[setting.key] != name) {
      fail(ErrorKind::usage, name, " and ", given_[setting.key],
           " give the same setting: leave one out");
    }
    set(setting, text, OriginKind::flag, name);
  }

  ResolvedConfig finish() {
    if (const auto complaint = first_complaint(resolved_.config)) {
      fail(ErrorKind::usage, name_of(*complaint->setting), " is ", complaint->value, ": ",
           complaint->what);
    }
    refuse_keys_without_effect();
    refuse_flags_without_effect();
    warn_of_kept_values();
    mark_objective();
    return std::move(resolved_);
  }

 private:
  void set(const Setting& setting, const std::string& text, OriginKind kind,
           const std::string& name) {
    resolved_.origins[index_of(setting)] = {kind, name};
    set_from_text(setting, resolved_.config, text, name_of(setting));
  }

  // How messages call a value: by the flag, also where it has its default; by the place else.
  std::string name_of(const Setting& setting) const {
    const ConfigOrigin& origin = resolved_.origins[index_of(setting)];
    if (origin.kind == OriginKind::file) return origin.name + ": " + setting.config_name();
    if (origin.kind == OriginKind::preset) return origin.name + ": " + setting.config_name();
    if (origin.kind == OriginKind::environment) return origin.name;
    return setting.flag();
  }

  // The same of a value that is to be left out: --no-x where that is what was given.
  std::string given_name_of(const Setting& setting) const {
    const bool flag = resolved_.origins[index_of(setting)].kind == OriginKind::flag;
    if (flag && value_text(setting, resolved_.config) == "false")
      return "--no-" + setting.flag().substr(2);
    return name_of(setting);
  }

  void complain_of_variable(const std::string& name) {
    std::vector<std::string> names = {kConfigVariable};
    for (const Setting& setting : config_settings()) names.push_back(setting.environment_name());
    const std::string nearest = nearest_name(name, names);
    const std::string message =
        concat_text("environment variable ", name, " is no setting; the nearest is ", nearest);
    if (edit_distance(name, nearest) <= kMisspeltEdits) fail(ErrorKind::usage, message);
    resolved_.warnings.push_back(message);
  }

  // A key of another optimiser or schedule than the one that was chosen is a mistake, unless the
  // choice came later: over a file's lars with its trust, a flag may choose sgd.
  void refuse_keys_without_effect() const {
    for (const Setting& setting : config_settings()) {
      if (has_effect(setting, resolved_.config)) continue;
      const OnlyWith& only = setting.only_with;
      const Setting& choice = *find_setting(only.key);
      const OriginKind kind = resolved_.origins[index_of(setting)].kind;
      if (kind == OriginKind::fallback || kind < resolved_.origins[index_of(choice)].kind) continue;
      fail(ErrorKind::usage, given_name_of(setting), " has no effect with ", choice.flag(), ' ',
           value_text(choice, resolved_.config), ": leave it out, or use ", choice.flag(), ' ',
           list_text(only.values));
    }
  }

  // A file may hold the parameters of adaptive temperatures for the day when they are wanted; a
  // flag that does nothing is a mistake.
  void refuse_flags_without_effect() const {
    const ObjectiveConfig objective = with_method(resolved_.config).objective;
    if (objective.temperature == "adaptive") return;
    for (const Setting& setting : config_settings()) {
      if (setting.adaptive_only && resolved_.origins[index_of(setting)].kind == OriginKind::flag) {
        fail(ErrorKind::usage, given_name_of(setting), " has no effect with --temperature ",
             *objective.temperature, ": leave it out, or use --temperature adaptive");
      }
    }
  }

  // A run's own config.toml holds every value of its objective's form, so another form on top of it,
  // from a flag or variable, would change next to nothing.
  void warn_of_kept_values() {
    const ConfigOrigin& form = resolved_.origins[index_of(*find_setting("objective"))];
    if (form.kind != OriginKind::flag && form.kind != OriginKind::environment) return;
    std::vector<std::string> kept;
    for (const Setting& setting : config_settings()) {
      const bool of_form = setting.adaptive_only && !has_value(setting, Config{});
      const ConfigOrigin& origin = resolved_.origins[index_of(setting)];
      const bool given = origin.kind == OriginKind::file || origin.kind == OriginKind::preset;
      if (of_form && given) kept.push_back(setting.key);
    }
    if (kept.empty()) return;
    resolved_.warnings.push_back(
        concat_text(form.name, " does not change what the file or preset sets: ", list_text(kept)));
  }

  // What the form of the objective and the method give.
  void mark_objective() {
    const Config filled = with_preset(resolved_.config);
    for (const Setting& setting : config_settings()) {
      if (has_value(setting, filled) && !has_value(setting, resolved_.config)) {
        resolved_.origins[index_of(setting)] = {
            OriginKind::objective, setting.adaptive_only ? "objective " + filled.objective.objective
                                                         : "method " + filled.model.method};
      }
    }
  }

  ResolvedConfig resolved_;
  std::map<std::string, std::string> given_;  // by flags: key and the name it was given under
};

std::string file_of(const ConfigSources& sources) {
  if (!sources.file.empty()) return sources.file;
  for (const std::string& entry : sources.environment) {
    const auto [name, text] = split_assignment(entry);
    if (name == kConfigVariable) return text;
  }
  return {};
}

const Setting& setting_of_assignment(const std::string& name, const std::string& entry) {
  if (entry.find('=') == std::string::npos) {
    fail(ErrorKind::usage, "--set ", entry, ": must be key=value, such as --set lr=0.1");
  }
  if (const Setting* setting = find_setting(name)) return *setting;
  if (const Synonym* synonym = find_synonym(name.substr(name.find('.') + 1)))
    fail(ErrorKind::usage, "--set ", entry, ": unknown key; here it is ", synonym->key);
  std::vector<std::string> names;
  for (const Setting& setting : config_settings()) {
    names.push_back(setting.key);
    names.push_back(setting.table + '.' + setting.key);
  }
  fail(ErrorKind::usage, "--set ", entry, ": unknown key; the nearest is ",
       nearest_name(name, names));
}

}  // namespace

std::vector<std::string> process_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.starts_with(kPrefix)) entries.push_back(text);
  }
  return entries;
}

ResolvedConfig resolve_config(const ConfigSources& sources) {
  Resolver resolver;
  if (const std::string file = file_of(sources); !file.empty()) {
    resolver.apply_file(file, sources.preset);
  } else {
    resolver.apply_preset(sources.preset);
  }
  resolver.apply_environment(sources.environment);
  for (const auto& [key, text] : sources.flags) {
    const Setting* setting = find_setting(key);
    AMCL_CHECK(setting != nullptr, "resolve_config: there is no setting '", key, '\'');
    resolver.apply_flag(*setting, text, setting->flag());
  }
  for (const std::string& entry : sources.assignments) {
    const auto [name, text] = split_assignment(entry);
    const Setting& setting = setting_of_assignment(name, entry);
    resolver.apply_flag(setting, text, "--set " + setting.key);
  }
  return resolver.finish();
}

}  // namespace amcl
