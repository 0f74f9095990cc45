// The device that a configuration trains on.
#pragma once
#include <memory>

#include "engine/backend/open.h"
#include "train/config/train_options.h"

namespace amcl {

// What the configuration wants of its device.
BackendOptions backend_options(const TrainOptions& config);

// Throws what open_backend throws, and Error(usage) where the device has no use for the precision,
// with the reason. (Evaluation opens the device alone: what was trained in bf16 runs anywhere.)
std::unique_ptr<Backend> open_training_backend(const TrainOptions& config);

}  // namespace amcl
