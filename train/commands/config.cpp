#include "train/commands/config.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/core/check.h"
#include "train/config/config_value.h"
#include "train/config/optimizer_config.h"
#include "train/config/recipe.h"
#include "train/printable.h"

namespace amcl {
namespace {

constexpr size_t kCommentColumn = 40;

nlohmann::ordered_json json_value(const Setting& setting, const Config& config) {
  // TOML's numbers, switches and lists of numbers are JSON too; text is quoted otherwise.
  if (setting.is_text()) return value_text(setting, config);
  return nlohmann::ordered_json::parse(value_toml(setting, config));
}

// A key that is empty even after the preset has no part in this run, or waits for the data.
std::string origin_text(const ResolvedConfig& resolved, const Config& values, size_t index) {
  const Setting& setting = config_settings()[index];
  if (has_value(setting, values)) return resolved.origins[index].name;
  return setting.by_data ? "by the data" : "not used";
}

void print_toml(const ResolvedConfig& resolved, const Config& values) {
  std::string table;
  for (size_t i = 0; i < config_settings().size(); ++i) {
    const Setting& setting = config_settings()[i];
    if (setting.table != table) {
      std::cout << (table.empty() ? "[" : "\n[") << setting.table << "]\n";
      table = setting.table;
    }
    std::string line = has_value(setting, values)
                           ? concat_text(setting.key, " = ", value_toml(setting, values))
                           : "# " + setting.key;
    if (line.size() < kCommentColumn) line.resize(kCommentColumn, ' ');
    std::cout << printable(line + "  # " + origin_text(resolved, values, i)) << '\n';
  }
}

void print_json(const ResolvedConfig& resolved, const Config& values) {
  nlohmann::ordered_json record;
  for (size_t i = 0; i < config_settings().size(); ++i) {
    const Setting& setting = config_settings()[i];
    nlohmann::ordered_json value = nullptr;
    if (has_value(setting, values)) value = json_value(setting, values);
    record[setting.table][setting.key] = {{"value", value},
                                          {"origin", origin_text(resolved, values, i)}};
  }
  std::cout << json_text(record, 2) << '\n';
}

}  // namespace

void run_config_list() {
  size_t width = 0;
  for (const Recipe& recipe : recipes()) width = std::max(width, recipe.name.size());
  for (const Recipe& recipe : recipes()) {
    std::string name(recipe.name);
    name.resize(width + 2, ' ');
    std::cout << name << recipe.title() << '\n';
  }
}

void run_config_show(const ResolvedConfig& resolved, bool json) {
  const Config values = completed(resolved.config);
  if (json) {
    print_json(resolved, values);
  } else {
    print_toml(resolved, values);
  }
}

}  // namespace amcl
