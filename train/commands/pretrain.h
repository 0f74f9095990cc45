// `amcl pretrain`: a training run from its configuration, or one that goes on.
#pragma once
#include <string>

#include "train/config.h"
#include "train/progress.h"

namespace amcl {

struct PretrainOptions {
  // Run directory to go on with; empty: a new run. The configuration is then the run's own
  // (its config.toml) with whatever flags and environment changed; a change that would alter the
  // result is refused by name.
  std::string resume;
  bool dry_run = false;      // print the plan to stdout and stop
  ProgressOptions progress;  // of stderr
};

enum class PretrainEnd {
  finished,  // or planned
  stopped,   // by a signal, with a checkpoint: exit code 75
};

// Handles the stop signals while it runs. Notes and progress go to stderr, the plan or the result
// to stdout.
PretrainEnd run_pretrain(const Config& config, const PretrainOptions& options);

}  // namespace amcl
