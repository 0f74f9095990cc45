// The images that a configuration names.
#pragma once
#include <cstdint>

#include "engine/core/device.h"
#include "train/config/config.h"

namespace amcl {

// The first `limit` images of a part (0: all), to be resized as those of the augmentation are. Throws what
// open_dataset throws.
Dataset open_data(Device& device, const Config& config, Split split, int64_t limit);

}  // namespace amcl
