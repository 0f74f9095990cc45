#include "train/config/config_resolve.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/core/check.h"
#include "engine/io/file.h"
#include "train/config/config_toml.h"
#include "train/config/known_setting.h"
#include "train/config/nearest_name.h"
#include "train/config/recipe.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"
#include "train/config/synonym.h"
#include "train/config/value_text.h"

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

// A value that was given, by its key: the last one counts.
struct GivenValue {
  const KnownSetting* setting;
  std::string text;
  ConfigOrigin origin;
};

class Resolver {
 public:
  // `preset` wins over the one that the file names.
  void apply_file(const std::string& path, const std::string& preset) {
    apply_toml(read_text(path), path, preset);
  }

  void apply_toml(const std::string& text, const std::string& name,
                  const std::string& preset = {}) {
    const TomlFile file = read_toml(text, name);
    if (preset.empty() && !file.preset.empty())
      apply_preset(find_recipe(file.preset, file.preset_place));
    else
      apply_preset(preset);
    for (const TomlValue& value : file.values)
      give(*value.setting, value.text, OriginKind::file, concat_text(name, ':', value.line));
  }

  void apply_preset(const std::string& preset) {
    if (!preset.empty()) apply_preset(find_recipe(preset));
  }

  void apply_preset(const Recipe& recipe) {
    const std::string name = concat_text("preset ", recipe.name);
    for (const TomlValue& value : read_toml(std::string(recipe.text), name).values)
      give(*value.setting, value.text, OriginKind::preset, name);
  }

  void apply_environment(const std::vector<std::string>& environment) {
    for (const std::string& entry : environment) {
      const Assignment variable = split_assignment(entry);
      const std::string& name = variable.name;
      if (!name.starts_with(kPrefix) || name == kConfigVariable || name == kGoldenVariable) {
        continue;
      }
      const auto& settings = known_settings();
      const auto setting = std::find_if(settings.begin(), settings.end(), [&](const auto& one) {
        return environment_name_of(one.setting) == name;
      });
      if (setting != settings.end()) {
        give(*setting, variable.text, OriginKind::environment, name);
      } else {
        complain_of_variable(name);
      }
    }
  }

  void apply_flag(const KnownSetting& setting, const std::string& text, const std::string& name) {
    const auto [given, first] = flags_.emplace(setting.setting.key, name);
    if (!first && given->second != name) {
      fail(ErrorKind::usage, name, " and ", given->second, " give the same setting: leave one out");
    }
    give(setting, text, OriginKind::flag, name);
  }

  ResolvedConfig finish() {
    const Choices choices = find_choices();
    if (const auto complaint = first_complaint(choices)) refuse(*complaint);
    Config config = usual_config(choices);
    std::set<std::string> effective;
    visit_settings(config, [&](const Setting& setting, const SettingField& field) {
      effective.insert(setting.key);
      if (const auto given = given_.find(setting.key); given != given_.end())
        set_from_text(field, given->second.text, name_of(setting.key));
    });
    if (const auto complaint = first_complaint(config)) refuse(*complaint);
    for (const KnownSetting& setting : known_settings())
      if (given_.contains(setting.setting.key) && !effective.contains(setting.setting.key))
        check_without_effect(setting, choices);
    fill_dependent(config);
    warn_of_kept_values();
    ResolvedConfig resolved(std::move(config));
    resolved.warnings = std::move(warnings_);
    for (const auto& [key, given] : given_) resolved.origins.emplace(key, given.origin);
    return resolved;
  }

 private:
  void give(const KnownSetting& setting, const std::string& text, OriginKind kind,
            const std::string& name) {
    given_[setting.setting.key] = {&setting, text, {kind, name}};
  }

  Choices find_choices() const {
    Choices choices;
    const auto choose = [&](const char* key, std::string& choice) {
      if (const auto given = given_.find(key); given != given_.end()) choice = given->second.text;
    };
    choose("method", choices.method);
    choose("temperature", choices.temperature);
    choose("objective", choices.objective);
    choose("optimizer", choices.optimizer);
    choose("schedule", choices.schedule);
    choose("device", choices.device);
    return choices;
  }

  // How messages call a value: by the flag, also where it has its default; by the place else.
  std::string name_of(const std::string& key) const {
    const auto given = given_.find(key);
    if (given == given_.end()) return flag_of(key);
    const auto& [setting, text, origin] = given->second;
    if (origin.kind == OriginKind::file || origin.kind == OriginKind::preset)
      return origin.name + ": " + config_name_of(setting->setting);
    return origin.kind == OriginKind::environment ? origin.name : flag_of(key);
  }

  [[noreturn]] void refuse(const ConfigComplaint& complaint) const {
    fail(ErrorKind::usage, name_of(complaint.key), " is ", complaint.value, ": ", complaint.what);
  }

  // The same of a value that is to be left out: --no-x where that is what was given.
  std::string given_name_of(const std::string& key) const {
    const GivenValue& given = given_.at(key);
    if (given.origin.kind == OriginKind::flag && given.setting->is_switch() &&
        given.text == "false")
      return "--no-" + flag_of(key).substr(2);
    return name_of(key);
  }

  void complain_of_variable(const std::string& name) {
    std::vector<std::string> names = {kConfigVariable};
    for (const KnownSetting& setting : known_settings())
      names.push_back(environment_name_of(setting.setting));
    const std::string nearest = nearest_name(name, names);
    const std::string message =
        concat_text("environment variable ", name, " is no setting; the nearest is ", nearest);
    if (edit_distance(name, nearest) <= kMisspeltEdits) fail(ErrorKind::usage, message);
    warnings_.push_back(message);
  }

  // A setting of another optimiser, say, than the one that was chosen is a mistake, unless the choice came
  // later: over a file's lars with its trust, a flag may choose sgd. A file may hold the parameters of
  // adaptive temperatures for the day when they are wanted. Neither may hold nonsense.
  void check_without_effect(const KnownSetting& setting, const Choices& choices) const {
    const std::string key = setting.setting.key;
    const DecidingChoice decided = deciding_choice(setting, choices);
    const OriginKind kind = given_.at(key).origin.kind;
    const auto choice = given_.find(decided.key);
    const bool chosen_later = choice != given_.end() && kind < choice->second.origin.kind;
    const bool refused = decided.key == "temperature" ? kind == OriginKind::flag : !chosen_later;
    if (refused)
      fail(ErrorKind::usage, given_name_of(key), " has no effect with ", flag_of(decided.key), ' ',
           decided.chosen, ": leave it out, or use ", flag_of(decided.key), ' ', decided.others);
    Config other = usual_config(setting.example);
    visit_settings(other, [&](const Setting& one, const SettingField& field) {
      if (key != one.key) return;
      set_from_text(field, given_.at(key).text, name_of(key));
      Setting alone = one;
      alone.complaint = nullptr;
      if (const std::string what = complaint_of(alone, field); !what.empty())
        refuse({key, text_of(field), what});
    });
  }

  // A run's own config.toml holds every value of its objective's form, so another form on top of it,
  // from a flag or variable, would change next to nothing.
  void warn_of_kept_values() {
    const auto form = given_.find("objective");
    if (form == given_.end() || form->second.origin.kind < OriginKind::environment) return;
    std::vector<std::string> kept;
    for (const KnownSetting& setting : known_settings()) {
      const auto given = given_.find(setting.setting.key);
      if (given != given_.end() && given->second.origin.kind < OriginKind::environment &&
          setting.adaptive_only && given->first != "objective")
        kept.push_back(given->first);
    }
    if (kept.empty()) return;
    warnings_.push_back(
        concat_text(form->second.origin.name,
                    " does not change what the file or preset sets: ", list_text(kept)));
  }

  std::map<std::string, GivenValue> given_;
  std::map<std::string, std::string> flags_;  // key, and the name it was given under
  std::vector<std::string> warnings_;
};

std::string file_of(const ConfigSources& sources) {
  if (!sources.file.empty()) return sources.file;
  for (const std::string& entry : sources.environment) {
    const auto [name, text] = split_assignment(entry);
    if (name == kConfigVariable) return text;
  }
  return {};
}

const KnownSetting& setting_of_assignment(const std::string& name, const std::string& entry) {
  if (entry.find('=') == std::string::npos) {
    fail(ErrorKind::usage, "--set ", entry, ": must be key=value, such as --set lr=0.1");
  }
  if (const KnownSetting* setting = find_setting(name)) return *setting;
  if (const Synonym* synonym = find_synonym(name.substr(name.find('.') + 1)))
    fail(ErrorKind::usage, "--set ", entry, ": unknown key; here it is ", synonym->key);
  std::vector<std::string> names;
  for (const KnownSetting& known : known_settings()) {
    names.emplace_back(known.setting.key);
    names.push_back(concat_text(known.setting.table, '.', known.setting.key));
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
    const KnownSetting* setting = find_setting(key);
    AMCL_CHECK(setting != nullptr, "resolve_config: there is no setting '", key, '\'');
    resolver.apply_flag(*setting, text, flag_of(key));
  }
  for (const std::string& entry : sources.assignments) {
    const auto [name, text] = split_assignment(entry);
    const KnownSetting& setting = setting_of_assignment(name, entry);
    resolver.apply_flag(setting, text, concat_text("--set ", setting.setting.key));
  }
  return resolver.finish();
}

Config config_from_toml(const std::string& text, const std::string& name) {
  Resolver resolver;
  resolver.apply_toml(text, name);
  return resolver.finish().config;
}

}  // namespace amcl
