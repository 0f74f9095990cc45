#include "train/config/config_toml.h"

#include <toml++/toml.h>
#include <algorithm>
#include <type_traits>

#include "engine/core/check.h"
#include "train/config/known_setting.h"
#include "train/config/nearest_name.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"
#include "train/config/synonym.h"
#include "train/config/toml_limits.h"
#include "train/config/value_text.h"

namespace amcl {
namespace {

constexpr const char* kPresetKey = "preset";

int64_t line_of(const toml::source_region& source) {
  return static_cast<int64_t>(source.begin.line);
}

[[noreturn]] void fail_unknown_table(const std::string& table, const std::string& place) {
  if (const KnownSetting* known = find_setting(table)) {
    fail(ErrorKind::usage, place, table, " stands under no table; it belongs under [",
         known->setting.table, ']');
  }
  std::vector<std::string> names;
  for (const ConfigTable& known : config_tables()) names.emplace_back(known.name);
  fail(ErrorKind::usage, place, '[', table, "] is no table; the nearest is [",
       nearest_name(table, names), ']');
}

[[noreturn]] void fail_unknown_key(const std::string& table, const std::string& key,
                                   const std::string& place) {
  if (const KnownSetting* known = find_setting(key)) {
    fail(ErrorKind::usage, place, '[', table, "] ", key, ": unknown key; it belongs under [",
         known->setting.table, ']');
  }
  const std::string name = concat_text('[', table, "] ", key);
  if (const Synonym* synonym = find_synonym(key)) {
    fail(ErrorKind::usage, place, name, ": unknown key; here it is ",
         config_name_of(find_setting(synonym->key)->setting));
  }
  std::vector<std::string> names;
  for (const KnownSetting& known : known_settings()) names.push_back(config_name_of(known.setting));
  fail(ErrorKind::usage, place, name, ": unknown key; the nearest is ", nearest_name(name, names));
}

// A number, switch or text as set_from_text takes it; empty if it is anything else (a date, a
// table, ...). TOML's spelling of numbers (1_000, 0x10) is normalised by way of the value.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_floating_point()) return number_text(value->get());
  return std::nullopt;
}

std::string text_of_node(const KnownSetting& setting, const toml::node& node,
                         const std::string& place) {
  if (node.is_string() && !setting.is_text) {
    fail(ErrorKind::usage, place, " is \"", *node.value<std::string>(),
         "\": must stand without quotes");
  }
  if (setting.is_text && !node.is_string() && !(setting.setting.number_too && node.is_number())) {
    fail(ErrorKind::usage, place, ": must be text in quotes");
  }
  if (const std::optional<std::string> text = scalar_text(node)) return *text;
  const toml::array* list = node.as_array();
  if (list == nullptr) fail(ErrorKind::usage, place, ": must be a number, text, switch or list");
  std::string joined;
  for (const toml::node& element : *list) {
    if (!element.is_number()) fail(ErrorKind::usage, place, ": must be a list of numbers");
    if (!joined.empty()) joined += ',';
    joined += *scalar_text(element);
  }
  return joined;
}

std::string toml_place(const std::string& name, int64_t line, const Setting& setting) {
  return concat_text(name, ':', line, ": ", config_name_of(setting));
}

toml::table parse(const std::string& text, const std::string& name) {
  check_toml_limits(text, name);
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    fail(ErrorKind::usage, name, ':', line_of(error.source()), ": ", error.description());
  }
}

}  // namespace

TomlFile read_toml(const std::string& text, const std::string& name) {
  const toml::table root = parse(text, name);
  TomlFile file;
  std::vector<TomlValue>& values = file.values;
  const auto tables = config_tables();
  for (const auto& [table_key, table_node] : root) {
    const std::string table(table_key.str());
    const std::string table_place = concat_text(name, ':', line_of(table_key.source()), ": ");
    if (table == kPresetKey) {
      if (!table_node.is_string())
        fail(ErrorKind::usage, table_place, kPresetKey, ": must be a name in quotes");
      file.preset = *table_node.value<std::string>();
      file.preset_place = table_place + kPresetKey;
      continue;
    }
    const bool known = std::any_of(tables.begin(), tables.end(),
                                   [&](const ConfigTable& one) { return table == one.name; });
    if (!table_node.is_table() || !known) fail_unknown_table(table, table_place);
    for (const auto& [key, node] : *table_node.as_table()) {
      const int64_t line = line_of(key.source());
      const std::string name_of_key(key.str());
      const KnownSetting* setting = find_setting(table + '.' + name_of_key);
      if (setting == nullptr) {
        fail_unknown_key(table, name_of_key, concat_text(name, ':', line, ": "));
      }
      values.push_back(
          {setting, text_of_node(*setting, node, toml_place(name, line, setting->setting)), line});
    }
  }
  std::sort(values.begin(), values.end(),
            [](const TomlValue& left, const TomlValue& right) { return left.line < right.line; });
  return file;
}

std::string to_toml(const Config& config) {
  std::ostringstream text;
  text << "# Settings of a run of amcl; `amcl pretrain --help` explains each.\n";
  std::string_view table;
  for (const SettingValue& value : values_of(config)) {
    const Setting& setting = value.setting;
    if (setting.table != table) text << "\n[" << setting.table << "]\n";
    table = setting.table;
    if (value.has_value()) text << setting.key << " = " << value.toml << '\n';
  }
  return text.str();
}

}  // namespace amcl
