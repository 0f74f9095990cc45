// Images of independent random bytes, for tests of what becomes of them.
#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "engine/core/philox.h"

namespace amcl::test {

// In the memory of `device`: `extents` = [n, H, W, 3].
inline Dataset noise_dataset(Device& device, const Shape& extents, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<uint8_t> values(static_cast<size_t>(extents.count()));
  for (uint8_t& value : values) value = static_cast<uint8_t>(random.below(256));
  Dataset dataset;
  dataset.name = "noise";
  dataset.images = Tensor::from_host<uint8_t>(device, extents, values);
  dataset.normalization = {{0.5f, 0.4f, 0.3f}, {0.2f, 0.3f, 0.4f}};
  return dataset;
}

}  // namespace amcl::test
