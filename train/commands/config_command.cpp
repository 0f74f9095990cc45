#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/core/check.h"
#include "train/commands/command_table.h"
#include "train/commands/config_flags.h"
#include "train/config/config_resolve.h"
#include "train/config/known_setting.h"
#include "train/config/recipe.h"
#include "train/config/setting_value.h"
#include "train/exit_code.h"
#include "train/printable.h"

namespace amcl {
namespace {

struct Options {
  explicit Options(CLI::App& app) : flags(app) {}

  ConfigFlags flags;
  bool json = false;
};

constexpr size_t kCommentColumn = 40;

// A setting of some run, and what it is in this one.
struct Shown {
  const KnownSetting* known;
  std::optional<SettingValue> value;  // none: it has no effect, or is left to the data
  std::string origin;
};

std::string origin_of(const KnownSetting& known, const SettingValue& value,
                      const ResolvedConfig& resolved) {
  const auto given = resolved.origins.find(value.setting.key);
  if (given != resolved.origins.end()) return given->second.name;
  const Config& config = resolved.config;
  if (known.adaptive_only) return "objective " + common(config.method).objective.name;
  return known.by_method ? concat_text("method ", traits_of(config.method).name) : "default";
}

std::vector<Shown> shown_settings(const ResolvedConfig& resolved) {
  std::map<std::string, SettingValue> values;
  for (SettingValue& value : values_of(resolved.config)) {
    const std::string key = value.setting.key;
    values.emplace(key, std::move(value));
  }
  std::vector<Shown> shown;
  for (const KnownSetting& known : known_settings(RunKind::pretrain)) {
    const auto value = values.find(known.setting.key);
    if (value == values.end())
      shown.push_back({&known, {}, "not used"});
    else if (!value->second.has_value())
      shown.push_back({&known, {}, "by the data"});
    else
      shown.push_back({&known, value->second, origin_of(known, value->second, resolved)});
  }
  return shown;
}

void print_toml(const ResolvedConfig& resolved) {
  std::string table;
  for (const auto& [known, value, origin] : shown_settings(resolved)) {
    const Setting& setting = known->setting;
    if (setting.table != table)
      std::cout << (table.empty() ? "[" : "\n[") << setting.table << "]\n";
    table = setting.table;
    std::string line =
        value ? concat_text(setting.key, " = ", value->toml) : concat_text("# ", setting.key);
    if (line.size() < kCommentColumn) line.resize(kCommentColumn, ' ');
    std::cout << printable(line + "  # " + origin) << '\n';
  }
}

// TOML's numbers, switches and lists of numbers are JSON too; text is quoted otherwise.
nlohmann::ordered_json json_value(const SettingValue& value) {
  return value.is_text ? nlohmann::ordered_json(value.text)
                       : nlohmann::ordered_json::parse(value.toml);
}

void print_json(const ResolvedConfig& resolved) {
  nlohmann::ordered_json record;
  for (const auto& [known, value, origin] : shown_settings(resolved))
    record[known->setting.table][known->setting.key] = {
        {"value", value ? json_value(*value) : nlohmann::ordered_json(nullptr)},
        {"origin", origin}};
  std::cout << json_text(record, 2) << '\n';
}

int list() {
  size_t width = 0;
  for (const Recipe& recipe : recipes()) width = std::max(width, recipe.name.size());
  for (const Recipe& recipe : recipes()) {
    std::string name(recipe.name);
    name.resize(width + 2, ' ');
    std::cout << name << recipe.title() << '\n';
  }
  return kExitDone;
}

int show(const Options& options) {
  const ResolvedConfig resolved = options.flags.resolve();
  print_warnings(resolved);
  options.json ? print_json(resolved) : print_toml(resolved);
  return kExitDone;
}

}  // namespace

void add_config_command(CommandTable& table, CLI::App& root) {
  CLI::App* group =
      table.add(root, "config", "print the settings of a run, without running it",
                {.usage = "amcl config list | show [options]",
                 .examples = {"amcl config list", "amcl config show --config recipe.toml --lr 0.1",
                              "amcl config show --temperature adaptive --json"},
                 .run = {}});
  table.add(*group, "list", "print the recipes that --preset knows",
            {.usage = "amcl config list",
             .examples = {"amcl config list", "amcl config show solo-simclr"},
             .run = [](const GlobalOptions&) { return list(); }});
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app =
      table.add(*group, "show", "print every setting's final value and where it came from",
                {.usage = "amcl config show [NAME] [options of pretrain]",
                 .examples = {"amcl config show solo-simclr --config recipe.toml --lr 0.1",
                              "amcl config show --temperature adaptive --json"},
                 .run = [options](const GlobalOptions&) { return show(**options); }});
  *options = std::make_unique<Options>(*app);
  (*options)->flags.add_preset_name();
  app->add_flag("--json", (*options)->json, "one JSON object on stdout instead of TOML")
      ->group("Output");
}

}  // namespace amcl
