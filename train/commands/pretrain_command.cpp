#include <memory>

#include "engine/core/check.h"
#include "train/commands/command_table.h"
#include "train/commands/config_flags.h"
#include "train/commands/option.h"
#include "train/exit_code.h"
#include "train/run/stop_signal.h"
#include "train/run/training_run.h"

namespace amcl {
namespace {

struct Options {
  explicit Options(CLI::App& app) : flags(app) {}

  ConfigFlags flags;
  RunOptions pretrain;
};

void check_new_run(const Config& config, bool dry_run) {
  if (config.data.data.empty()) {
    fail(ErrorKind::usage, "--data is missing: name a directory of images, or shapes10");
  }
  if (config.train.out.empty() && !dry_run) {
    fail(ErrorKind::usage, "--out is missing: name the run directory to make, such as runs/first");
  }
}

void refuse_labels(const Config& config, bool resumes) {
  if (traits_of(config.method).labelled)
    fail(ErrorKind::usage, "--method classifier learns from labels: ",
         resumes ? "the run is one of amcl finetune, which goes on with amcl finetune --resume"
                 : "use amcl finetune");
}

int run(Options& options, const GlobalOptions& global) {
  RunOptions& asked = options.pretrain;
  const bool resumes = !asked.resume.empty();
  const ResolvedConfig resolved = options.flags.resolve(resumes ? config_of_run(asked.resume) : "");
  print_warnings(resolved);
  refuse_labels(resolved.config, resumes);
  if (!resumes) check_new_run(resolved.config, asked.dry_run);
  asked.progress = progress_options(stderr, global.color);
  const StopSignal signal;
  const RunEnd end = run_training(resolved, asked, [&signal] { return signal.requested(); });
  return end == RunEnd::stopped ? kExitStopped : kExitDone;
}

}  // namespace

void add_pretrain_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app =
      table.add(root, "pretrain", "train an encoder on unlabelled images, or go on with a run",
                {.usage = "amcl pretrain --data DIR|FILE|shapes10 --out DIR [options]\n"
                          "       amcl pretrain --resume RUN",
                 .examples = {"amcl pretrain --data shapes10 --epochs 10 --out runs/first",
                              "amcl pretrain --resume runs/first"},
                 .run = [options](const GlobalOptions& global) { return run(**options, global); }});
  *options = std::make_unique<Options>(*app);
  RunOptions& pretrain = (*options)->pretrain;
  add_value(*app, "--resume", pretrain.resume,
            {.value = "RUN|CHECKPOINT",
             .help = "go on with the run of this directory, from its newest checkpoint or the one "
                     "that is named; its configuration holds, and only threads, workers, logging "
                     "and checkpoint cadence may be changed, and --data, where the images have "
                     "moved"})
      ->group("Run");
  app->add_flag("--dry-run", pretrain.dry_run,
                "print parameters, steps and the memory expected, and stop")
      ->group("Run");
}

}  // namespace amcl
