// A whole run, of `amcl pretrain` or `amcl finetune`: the loop around Trainer with its run directory,
// log, checkpoints and progress.
#pragma once
#include <cstdio>
#include <functional>
#include <string>

#include "train/config/config_resolve.h"
#include "train/progress.h"

namespace amcl {

struct RunOptions {
  // Run directory to go on with, or one of its checkpoints, from which it then goes on; empty: a
  // new run. The configuration is then the run's own (its config.toml) with whatever flags and
  // environment changed; a change that would alter the result is refused by name. A run that is
  // finished already gets what is missing of its log and summary.
  std::string resume;
  bool dry_run = false;      // print the plan and stop
  ProgressOptions progress;  // of `notes`
  std::FILE* notes = stderr;
  std::FILE* results = stdout;
};

enum class RunEnd {
  finished,  // or planned
  stopped,   // on request, with a checkpoint: exit code 75
};

// stop_requested is asked before each step and between the batches of an online evaluation; from
// the first time on there is something to save. Errors: usage (a setting, or another configuration
// or data set than the run's), missing, data and io (data set, checkpoints, run directory), numeric
// (loss or gradient not finite), device (also where memory runs out: with the largest batch that
// would fit). A checkpoint or log line that cannot be written during the run is a warning, the last
// checkpoint an error.
RunEnd run_training(const ResolvedConfig& given, const RunOptions& options,
                    const std::function<bool()>& stop_requested);

}  // namespace amcl
