// From the keys of [objective] to the options that models/objectives take.
#pragma once
#include "models/objectives/presets.h"
#include "train/config/config.h"

namespace amcl {

// What `objective` and `temperature` come to, with the keys that are set in place of the preset's
// values. Throws Error(usage) naming the setting, its value and what it may be.
ObjectiveOptions objective_options(const Config& config);

// Steps over which the scores of adaptive temperatures grow from 0 to their own values; 0 without a
// warm-up.
int64_t temperature_warmup_steps(const Config& config, int64_t steps_per_epoch);

// The configuration with_method (method_config.h), and with each empty key of [objective] set to the
// value that objective_options gives it, if that is of use: topk only to the reducer topk, nothing
// for adaptive temperatures if there are none.
Config with_preset(const Config& config);

}  // namespace amcl
