// The model of a checkpoint.
#pragma once
#include <memory>

#include "engine/backend/backend.h"
#include "models/methods/method.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"

namespace amcl {

// The configuration that the checkpoint was made with, checked. Throws Error(data) naming the path.
Config config_of(const Checkpoint& checkpoint);

// Nobody vouches for the numbers in a file: throws Error(data) unless each that sizes the model of
// `config` is the extent of a tensor in the file, so that the model is no larger than those.
void check_sizes(const Checkpoint& checkpoint, const Config& config);

// The method of `config` with the weights that it starts from. Checks the sizes first.
std::unique_ptr<Method> build_stored(const Checkpoint& checkpoint, const Config& config,
                                     Backend& backend);

}  // namespace amcl
