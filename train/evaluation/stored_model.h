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

// Error(data) unless every number that sizes the model of `config` is the extent of a tensor in the
// file: a damaged configuration asks for no model larger than the file.
void check_sizes(const Checkpoint& checkpoint, const Config& config);

// The method of `config` with the weights that it starts from. Checks the sizes first.
std::unique_ptr<Method> build_stored(const Checkpoint& checkpoint, const Config& config,
                                     Backend& backend);

}  // namespace amcl
