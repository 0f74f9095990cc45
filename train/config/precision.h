// The precision that a configuration trains in.
#pragma once
#include <string>

#include "train/config/config.h"

namespace amcl {

// f32, tf32 or bf16: what is set, else bf16 on a GPU and f32 elsewhere.
std::string precision_of(const TrainConfig& config);

}  // namespace amcl
