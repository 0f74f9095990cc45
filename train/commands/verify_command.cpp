#include <iostream>
#include <memory>

#include "engine/core/check.h"
#include "train/commands/command_table.h"
#include "train/commands/option.h"
#include "train/commands/verify_ops.h"
#include "train/commands/verify_run.h"

namespace amcl {

void add_verify_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<VerifyRunOptions>();
  CLI::App* app =
      table.add(root, "verify", "check this machine's arithmetic, or a checkpoint",
                {.usage = "amcl verify ops\n"
                          "       amcl verify RUN|CHECKPOINT [options]",
                 .examples = {"amcl verify ops", "amcl verify runs/first"},
                 .run = [options](const GlobalOptions&) {
                   if (options->run.empty()) {
                     fail(ErrorKind::usage,
                          "verify: nothing to verify: name ops, a run directory or a checkpoint");
                   }
                   return options->run == "ops" ? run_verify_ops(std::cout) : run_verify(*options);
                 }});
  add_value(*app, "what", options->run,
            {.value = "ops|RUN|CHECKPOINT",
             .help = "ops: every op on every backend against plain f64; a run or checkpoint: is "
                     "it intact, and does the model still compute what it did"});
  add_device_options(*app, options->device, options->threads);
}

}  // namespace amcl
