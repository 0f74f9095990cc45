#include <memory>

#include "train/commands/command_table.h"
#include "train/commands/info.h"
#include "train/exit_code.h"

namespace amcl {

void add_info_command(CommandTable& table, CLI::App& root) {
  auto json = std::make_shared<bool>(false);
  CLI::App* app = table.add(root, "info", "print the program's version and what this machine has",
                            {.usage = "amcl info [--json]",
                             .examples = {"amcl info", "amcl info --json"},
                             .run = [json](const GlobalOptions&) {
                               run_info(*json);
                               return int{kExitDone};
                             }});
  app->add_flag("--json", *json, "one JSON object on stdout instead of text");
}

}  // namespace amcl
