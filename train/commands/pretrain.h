// `amcl pretrain`: a training run from its configuration, or one that goes on.
#pragma once
#include "train/run/pretrain.h"

namespace amcl {

// pretrain() with the stop signals handled.
PretrainEnd run_pretrain(const Config& config, const PretrainOptions& options);

}  // namespace amcl
