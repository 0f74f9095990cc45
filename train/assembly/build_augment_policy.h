// The augmentations that [augment] of a configuration asks for.
#pragma once
#include "data/views/augment_policy.h"
#include "train/config/config.h"

namespace amcl {

AugmentPolicy build_augment_policy(const AugmentConfig& config);

}  // namespace amcl
