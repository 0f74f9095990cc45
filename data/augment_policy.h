// Which random views are drawn. Parameters are drawn on the host per (seed, epoch, sample, view),
// so that every device and any number of workers sees the same ones; Backend::augment applies them.
#pragma once
#include <array>
#include <cstdint>

#include "engine/backend/op_specs.h"

namespace amcl {

struct AugmentPolicy {
  std::array<double, 2> crop_scale = {0.08, 1.0};             // share of the area; {1, 1}: no crop
  std::array<double, 2> crop_ratio = {3.0 / 4.0, 4.0 / 3.0};  // width / height, log-uniform
  double flip = 0.5;                                          // probabilities
  double jitter = 0.8;
  std::array<double, 4> jitter_strength = {0.4, 0.4, 0.4,
                                           0.1};  // brightness, contrast, saturation, hue
  double grayscale = 0.2;
  double blur = 0.0;
  std::array<double, 2> blur_sigma = {0.1, 2.0};  // pixels, uniform

  // The view's parameters for an image of `height` x `width`; `image` is stored in the result.
  ViewParameters draw(uint64_t seed, uint32_t epoch, int64_t image, uint32_t view, int64_t height,
                      int64_t width) const;
  // Throws Error(usage) naming the field, its value and the range, if a field is out of range.
  void validate() const;
};

// The whole image, unchanged: for evaluation.
ViewParameters identity_view(int64_t image, int64_t height, int64_t width);

}  // namespace amcl
