#include "train/commands/config.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "train/config_value.h"
#include "train/objective_config.h"

namespace amcl {
namespace {

constexpr size_t kCommentColumn = 40;

nlohmann::ordered_json json_value(const Setting& setting, const Config& config) {
  // TOML's numbers, switches and lists of numbers are JSON too; text is quoted otherwise.
  if (setting.is_text()) return value_text(setting, config);
  return nlohmann::ordered_json::parse(value_toml(setting, config));
}

void print_toml(const ResolvedConfig& resolved, const Config& values) {
  std::string table;
  for (size_t i = 0; i < config_settings().size(); ++i) {
    const Setting& setting = config_settings()[i];
    if (setting.table != table) {
      std::cout << (table.empty() ? "[" : "\n[") << setting.table << "]\n";
      table = setting.table;
    }
    std::string line;
    if (has_value(setting, values)) {
      line = concat_text(setting.key, " = ", value_toml(setting, values));
    } else {
      line = concat_text("# ", setting.key);
    }
    if (line.size() < kCommentColumn) line.resize(kCommentColumn, ' ');
    std::cout << line << "  # "
              << (has_value(setting, values) ? resolved.origins[i].name
                                             : "only for --temperature adaptive")
              << '\n';
  }
}

void print_json(const ResolvedConfig& resolved, const Config& values) {
  nlohmann::ordered_json record;
  for (size_t i = 0; i < config_settings().size(); ++i) {
    const Setting& setting = config_settings()[i];
    if (!has_value(setting, values)) continue;
    record[setting.table][setting.key] = {{"value", json_value(setting, values)},
                                          {"origin", resolved.origins[i].name}};
  }
  std::cout << record.dump(2) << '\n';
}

}  // namespace

void run_config_show(const ResolvedConfig& resolved, bool json) {
  const Config values = with_preset(resolved.config);
  if (json) {
    print_json(resolved, values);
  } else {
    print_toml(resolved, values);
  }
}

}  // namespace amcl
