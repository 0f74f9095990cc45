// The model that a configuration describes: what training, evaluation and verification build.
#pragma once
#include <memory>

#include "engine/backend/backend.h"
#include "models/methods/method.h"
#include "train/config/config.h"

namespace amcl {

// Freshly initialised from the configuration's seed. Throws Error(usage) naming key, value and
// remedy.
std::unique_ptr<Method> build_method(const Config& config, Backend& backend);

// How a training forward runs: groups of batch-norm statistics for each view (bn_views = separate)
// and each of its parts (bn_splits).
ForwardContext training_context(const Config& config);

}  // namespace amcl
