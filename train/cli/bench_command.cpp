#include <iostream>
#include <memory>

#include "train/bench_data.h"
#include "train/cli/command_table.h"
#include "train/cli/option.h"
#include "train/exit_code.h"

namespace amcl {
namespace {

void add_bench_data_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<BenchDataOptions>();
  CLI::App* app =
      table.add(group, "data", "time augmentation and the loader on images made up here",
                {.usage = "amcl bench data [options]",
                 .examples = {"amcl bench data", "amcl bench data --workers 1 --seconds 10"},
                 .run = [options](const GlobalOptions&) {
                   run_bench_data(*options, std::cout);
                   return int{kExitDone};
                 }});
  add_value(*app, "--device", options->device,
            {.value = "NAME", .help = "whose kernels", .allowed = {"cpu", "plain"}});
  add_value(*app, "--workers", options->workers,
            {.value = "N",
             .help = "threads that augment at the same time; 0: one per core",
             .range = {.low = 0.0}});
  add_value(*app, "--seconds", options->seconds,
            {.value = "S",
             .unit = "seconds",
             .help = "time spent on each figure",
             .range = {.low = 0.05, .high = 600.0}});
}

}  // namespace

void add_bench_command(CommandTable& table, CLI::App& root) {
  CLI::App* group =
      table.add(root, "bench", "measure this machine; one JSON object per line on stdout",
                {.usage = "amcl bench data [options]", .examples = {"amcl bench data"}, .run = {}});
  add_bench_data_command(table, *group);
}

}  // namespace amcl
