// Pixels as bytes, of the values in [0, 1] that augmentation computes.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

// Rounded to the nearest of 256 values.
std::vector<uint8_t> pixel_bytes(const Tensor& values);

}  // namespace amcl
