// Images for tests: standard normal values, the same for the same seed.
#pragma once
#include <span>
#include <vector>

#include "engine/core/device.h"
#include "engine/core/philox.h"
#include "engine/core/tensor.h"

namespace amcl::test {

inline Tensor random_images(Device& device, const Shape& shape, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<float> values(static_cast<size_t>(shape.count()));
  for (float& value : values) value = random.normal();
  return Tensor::from_host(device, shape, std::span<const float>(values));
}

}  // namespace amcl::test
