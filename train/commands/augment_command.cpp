#include <memory>

#include "engine/core/check.h"
#include "train/commands/augment.h"
#include "train/commands/command_table.h"
#include "train/commands/config_flags.h"
#include "train/commands/option.h"

namespace amcl {
namespace {

struct Options {
  explicit Options(CLI::App& app) : flags(app, {"data", "augment", "train.seed", "train.device"}) {}

  ConfigFlags flags;
  AugmentOptions augment;
};

int run(const Options& options) {
  const ResolvedConfig resolved = options.flags.resolve();
  print_warnings(resolved);
  if (resolved.config.data.data.empty()) {
    fail(ErrorKind::usage, "--data is missing: name a directory of images, or shapes10");
  }
  if (options.augment.grid.empty()) {
    fail(ErrorKind::usage, "--grid is missing: name the picture to write, such as views.png");
  }
  return run_augment(resolved.config, options.augment);
}

}  // namespace

void add_augment_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app = table.add(
      root, "augment", "draw images beside the views of them that training sees",
      {.usage = "amcl augment --data DIR|FILE|shapes10 --grid FILE.png [options]",
       .examples = {"amcl augment --data shapes10 --grid views.png",
                    "amcl augment --config runs/first/config.toml --grid views.png --views 4"},
       .run = [options](const GlobalOptions&) { return run(**options); }});
  *options = std::make_unique<Options>(*app);
  AugmentOptions& augment = (*options)->augment;
  add_value(*app, "--grid", augment.grid,
            {.value = "FILE.png", .help = "picture to write; the parameters go to stdout as JSON"})
      ->group("Output");
  add_value(*app, "--views", augment.views,
            {.value = "N",
             .help = "views of each image, two of every epoch from the first on",
             .range = {.low = 1, .high = 64}})
      ->group("Output");
}

}  // namespace amcl
