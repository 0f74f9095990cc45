#include "data/views/pixel_bytes.h"

#include <algorithm>
#include <cmath>

namespace amcl {

std::vector<uint8_t> pixel_bytes(const Tensor& values) {
  std::vector<uint8_t> bytes;
  bytes.reserve(static_cast<size_t>(values.count()));
  for (const float value : values.to_host<float>())
    bytes.push_back(static_cast<uint8_t>(std::lrint(std::clamp(value, 0.0f, 1.0f) * 255.0f)));
  return bytes;
}

}  // namespace amcl
