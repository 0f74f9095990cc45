// The model that a configuration describes: what training, evaluation and verification build.
#pragma once
#include <memory>

#include "engine/backend/backend.h"
#include "train/config/config.h"

namespace amcl {

// Freshly initialised from the configuration's seed, in its precision. Throws Error(usage) naming key,
// value and remedy.
std::unique_ptr<Method> build_method(const Config& config, Backend& backend);

}  // namespace amcl
