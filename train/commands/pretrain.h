// `amcl pretrain`: a training run from its configuration, or one that goes on.
#pragma once
#include "train/run/pretrain.h"

namespace amcl {

// The configuration file of the run to go on with (PretrainOptions::resume). Error(missing) if there
// is none.
std::string config_of_run(const std::string& run);

// pretrain() with the stop signals handled.
PretrainEnd run_pretrain(const ResolvedConfig& given, const PretrainOptions& options);

}  // namespace amcl
