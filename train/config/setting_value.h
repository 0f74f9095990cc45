// The values of fields (engine/core/setting.h) as text, both ways, and what may be wrong with them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace amcl {

// As one writes it after the flag: "0.2,1"; empty for a field that is left to others.
std::string text_of(const SettingField& field);
// As in a TOML file: quoted text, [0.2, 1.0]; empty in the same case.
std::string toml_of(const SettingField& field);
// Whether the field holds text, or a name.
bool is_text(const SettingField& field);

// Sets the field from `text`, as after the flag; what was decided stays as it is. Error(usage), beginning
// with `name` (the flag, variable or line), if the text is not of the field's kind. Ranges are
// complaint_of's part.
void set_from_text(const SettingField& field, const std::string& text, const std::string& name);

// What is wrong with the value: not finite, out of range, or not among the allowed ones ("must be at
// least 2"), or what the setting itself complains of; empty if nothing.
std::string complaint_of(const Setting& setting, const SettingField& field);
// The names that the field may hold; empty: any text, or no text.
std::vector<std::string> allowed_names(const Setting& setting, const SettingField& field);

// A setting of a configuration, apart from it.
struct SettingValue {
  Setting setting;  // without complaint
  std::string text;
  std::string toml;
  bool is_text = false;
  bool is_decided = false;                // Decided
  std::vector<std::string> allowed = {};  // allowed_names

  bool has_value() const { return !toml.empty(); }
};
// All that have an effect, table after table.
std::vector<SettingValue> values_of(const Config& config);
// The value of one of them; empty if it has none, or no effect.
std::optional<std::string> value_of(const Config& config, const std::string& key);
// A setting that is not the same in two configurations: its values as in TOML, empty where it has none,
// and the second one as text.
struct SettingDifference {
  Setting setting;
  std::string left;
  std::string right;
  std::string right_text;
};
std::vector<SettingDifference> differences_of(const Config& left, const Config& right);
// Sets one, which has to have an effect, from text. Error(usage) if the text is not of its kind.
void set_value(Config& config, const std::string& key, const std::string& text);

}  // namespace amcl
