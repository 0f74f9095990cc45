#include <memory>

#include "engine/core/check.h"
#include "train/commands/command_table.h"
#include "train/commands/config_flags.h"
#include "train/commands/option.h"
#include "train/exit_code.h"
#include "train/printable.h"
#include "train/run/encoder_config.h"
#include "train/run/stop_signal.h"
#include "train/run/training_run.h"

namespace amcl {
namespace {

// What is not to be chosen: the encoder's, or a classifier's.
const std::vector<std::string> kFixed = {"method", "temperature", "backbone", "width",
                                         "stem",   "classes",     "init",     "eval_every"};

struct Options {
  explicit Options(CLI::App& app) : flags(app, RunKind::finetune, kFixed) {}

  ConfigFlags flags;
  std::string encoder;
  RunOptions run;
};

void check_new_run(const Config& config, bool dry_run) {
  if (config.train.init.empty() || config.data.data.empty() ||
      (config.train.out.empty() && !dry_run))
    fail(ErrorKind::usage,
         "finetune: name the encoder, labelled images and the run directory to make, such as: amcl "
         "finetune runs/first --data photos --out runs/classes");
}

ResolvedConfig resolve(Options& options) {
  const std::string& resume = options.run.resume;
  if (!resume.empty()) {
    AMCL_CHECK(options.encoder.empty(), "'", options.encoder,
               "' together with --resume: the run has its encoder; leave it out");
    ResolvedConfig resolved = options.flags.resolve(config_of_run(resume));
    if (!traits_of(resolved.config.method).labelled)
      fail(ErrorKind::usage, "--resume ", resume,
           ": is a run of amcl pretrain, which goes on with amcl pretrain --resume");
    return resolved;
  }
  options.flags.fix("method", "classifier");
  if (!options.encoder.empty()) options.flags.fix("init", options.encoder);
  ResolvedConfig resolved = options.flags.resolve();
  check_new_run(resolved.config, options.run.dry_run);
  return with_encoder(std::move(resolved), [](const std::string& text) {
    std::fprintf(stderr, "warning: %s\n", printable(text).c_str());
  });
}

int run(Options& options, const GlobalOptions& global) {
  const ResolvedConfig resolved = resolve(options);
  print_warnings(resolved);
  options.run.progress = progress_options(stderr, global.color);
  const StopSignal signal;
  const RunEnd end = run_training(resolved, options.run, [&signal] { return signal.requested(); });
  return end == RunEnd::stopped ? kExitStopped : kExitDone;
}

}  // namespace

void add_finetune_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app = table.add(
      root, "finetune",
      "train a classifier on an encoder with labelled images, or go on with a run",
      {.usage = "amcl finetune RUN|CHECKPOINT|FILE --data DIR|FILE|shapes10 --out DIR [options]\n"
                "       amcl finetune --resume RUN",
       .examples = {"amcl finetune runs/first --data cifar-10-batches-bin --labels 1% --out "
                    "runs/classes",
                    "amcl finetune encoder.safetensors --data photos --freeze --out runs/linear"},
       .run = [options](const GlobalOptions& global) { return run(**options, global); }});
  *options = std::make_unique<Options>(*app);
  add_value(*app, "encoder", (*options)->encoder,
            {.value = "RUN|CHECKPOINT|FILE",
             .help = "to start from: as of amcl embed; it decides the network and how images are "
                     "seen"});
  RunOptions& run = (*options)->run;
  add_value(*app, "--resume", run.resume,
            {.value = "RUN|CHECKPOINT",
             .help = "go on with the run of this directory, as with amcl pretrain"})
      ->group("Run");
  app->add_flag("--dry-run", run.dry_run,
                "print parameters, steps and the memory expected, and stop")
      ->group("Run");
}

}  // namespace amcl
