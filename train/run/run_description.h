// What a run prints for people before its first step.
#pragma once
#include <cstdio>

#include "train/config/config_resolve.h"
#include "train/run/run_data.h"
#include "train/run/trainer.h"

namespace amcl {

// Lines "chosen": what was left open in `given` and what `config`, for these data, has in its
// place.
void print_choices(std::FILE* notes, const ResolvedConfig& given, const Config& config,
                   const Dataset& dataset);

// Lines "warning": Dataset::warnings of training and test images.
void print_warnings(std::FILE* notes, const RunData& data);

// Lines "data" to "device", then the warnings of the data.
void describe_run(std::FILE* notes, const RunData& data, Trainer& trainer, const Config& config);

}  // namespace amcl
