// Mean and deviation of the colour channels, for sets whose values are not known beforehand.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/tensor.h"

namespace amcl {

// Images looked at, evenly spread over the set: enough for three digits.
inline constexpr int64_t kMeasuredImages = 2048;

// Sums over pixels of three channels, u8.
class ChannelStatistics {
 public:
  void add(const uint8_t* pixels, int64_t count);  // [count, 3]
  // Of values in [0, 1]. A channel without contrast has deviation 1 / 255, so that dividing by it
  // is defined.
  ImageNormalization result() const;

 private:
  int64_t count_ = 0;
  uint64_t sum_[3] = {};
  uint64_t squares_[3] = {};
};

// Of at most kMeasuredImages of `count` images of one size; pixels_of(index) is u8 [H, W, 3].
ImageNormalization measure_normalization(
    int64_t count, const std::function<std::vector<uint8_t>(int64_t index)>& pixels_of);
// Of images u8 [n, H, W, 3].
ImageNormalization measure_normalization(const Tensor& images);

}  // namespace amcl
