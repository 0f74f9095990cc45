#include <memory>

#include "train/commands/command_table.h"
#include "train/commands/config.h"
#include "train/commands/config_flags.h"
#include "train/exit_code.h"

namespace amcl {
namespace {

struct Options {
  explicit Options(CLI::App& app) : flags(app) {}

  ConfigFlags flags;
  bool json = false;
};

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
             .run = [](const GlobalOptions&) {
               run_config_list();
               return int{kExitDone};
             }});
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app =
      table.add(*group, "show", "print every setting's final value and where it came from",
                {.usage = "amcl config show [NAME] [options of pretrain]",
                 .examples = {"amcl config show solo-simclr --config recipe.toml --lr 0.1",
                              "amcl config show --temperature adaptive --json"},
                 .run = [options](const GlobalOptions&) {
                   const ResolvedConfig resolved = (*options)->flags.resolve();
                   print_warnings(resolved);
                   run_config_show(resolved, (*options)->json);
                   return int{kExitDone};
                 }});
  *options = std::make_unique<Options>(*app);
  (*options)->flags.add_preset_name();
  app->add_flag("--json", (*options)->json, "one JSON object on stdout instead of TOML")
      ->group("Output");
}

}  // namespace amcl
