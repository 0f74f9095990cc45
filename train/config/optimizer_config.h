// From the keys of [optimizer] to what the optimiser and the schedule take.
#pragma once
#include "engine/optimizer/optimizer.h"
#include "engine/optimizer/schedule.h"
#include "train/config/config.h"

namespace amcl {

// An empty key takes the default of the optimiser and the method that are chosen.
OptimizerOptions optimizer_options(const Config& config);

// The learning rate after the warm-up: lr, or lr x batch / lr_reference_batch. No other rule scales
// it.
double peak_rate(const Config& config);

// Throws Error(usage) if the warm-up is longer than the run.
Schedule learning_rate_schedule(const Config& config, int64_t steps_per_epoch);

// The configuration with each empty key of [objective] and [optimizer], and the precision, set to the
// value that it comes to, and those that have no effect on what is chosen empty.
Config completed(const Config& config);

}  // namespace amcl
