// The two filters of augmentation, used by every backend: the resampler's and the blur's Gaussian.
// Formulas as in torchvision on float tensors (antialias=True, align_corners=False).
#pragma once
#include <cmath>
#include <cstdint>

#include "engine/backend/op_specs.h"
#include "engine/core/host_device.h"

namespace amcl {

// Antialiased resampling of `input` samples to `output` samples along one axis. The filter's half
// width (bilinear: 1, bicubic: 2) is in output samples when shrinking, in input samples when
// enlarging; an output is the weighted mean of the inputs [first, first + taps) under it, inside
// the crop only.
class ResizeFilter {
 public:
  AMCL_HOST_DEVICE ResizeFilter(int64_t input, int64_t output, Interpolation interpolation)
      : input_(input),
        scale_(static_cast<float>(input) / static_cast<float>(output)),
        unit_(scale_ > 1.0f ? scale_ : 1.0f),
        support_(interpolation == Interpolation::bicubic ? 2.0f * unit_ : unit_),
        interpolation_(interpolation) {}

  struct Window {
    int64_t first;
    int64_t taps;
    float center;          // in input samples
    float inverse_weight;  // 1 / sum of the filter's values
  };

  AMCL_HOST_DEVICE Window window(int64_t output_index) const {
    const float center = scale_ * (static_cast<float>(output_index) + 0.5f);
    const auto begin = static_cast<int64_t>(center - support_ + 0.5f);  // truncates towards zero
    const auto end = static_cast<int64_t>(center + support_ + 0.5f);
    const int64_t first = begin > 0 ? begin : 0;
    Window window{first, (end < input_ ? end : input_) - first, center, 1.0f};
    float sum = 0.0f;
    for (int64_t tap = 0; tap < window.taps; ++tap) sum += value(window, tap);
    window.inverse_weight = 1.0f / sum;
    return window;
  }
  AMCL_HOST_DEVICE float weight(const Window& window, int64_t tap) const {
    return value(window, tap) * window.inverse_weight;
  }
  // No window has more taps than this.
  AMCL_HOST_DEVICE int64_t max_taps() const {
    const int64_t taps = static_cast<int64_t>(std::ceil(support_)) * 2 + 1;
    return taps < input_ ? taps : input_;
  }

 private:
  AMCL_HOST_DEVICE float value(const Window& window, int64_t tap) const {
    const float x =
        std::fabs((static_cast<float>(window.first + tap) - window.center + 0.5f) / unit_);
    return interpolation_ == Interpolation::bicubic ? cubic(x) : (x < 1.0f ? 1.0f - x : 0.0f);
  }
  // Keys (1981) with a = -1/2, at the distance x >= 0.
  AMCL_HOST_DEVICE static float cubic(float x) {
    constexpr float a = -0.5f;
    if (x < 1.0f) return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f;
    return x < 2.0f ? (((x - 5.0f) * x + 8.0f) * x - 4.0f) * a : 0.0f;
  }

  int64_t input_;
  float scale_;
  float unit_;  // input samples per sample of the filter
  float support_;
  Interpolation interpolation_;
};

// Where the samples of a view lie in its resized crop, along one axis.
struct ResizedAxis {
  ResizeFilter filter;
  int64_t offset;  // sample i of the view is sample i + offset of the resized crop
};

AMCL_HOST_DEVICE inline ResizedAxis resized_rows(const ViewParameters& view, int64_t height) {
  const int64_t resized = view.resized_height > 0 ? view.resized_height : height;
  return {ResizeFilter(view.height, resized, view.interpolation), view.offset_top};
}

AMCL_HOST_DEVICE inline ResizedAxis resized_columns(const ViewParameters& view, int64_t width) {
  const int64_t resized = view.resized_width > 0 ? view.resized_width : width;
  return {ResizeFilter(view.width, resized, view.interpolation), view.offset_left};
}

// Half width of the blur's kernel along an axis of `extent` pixels: three standard deviations
// (99.7 % of the mass; the weights are normalised), and no more than reflection at the border
// allows. torchvision leaves this number to the caller: kernel_size = 2 radius + 1.
AMCL_HOST_DEVICE inline int64_t blur_radius(float sigma, int64_t extent) {
  const auto radius = static_cast<int64_t>(std::ceil(3.0f * sigma));
  return radius < extent - 1 ? radius : extent - 1;
}

// weights[k] for the pixels at distance k = 0..radius; the sum over both sides is 1.
AMCL_HOST_DEVICE inline void blur_weights(float sigma, int64_t radius, float* weights) {
  float sum = 0.0f;
  for (int64_t k = 0; k <= radius; ++k) {
    const float distance = static_cast<float>(k) / sigma;
    weights[k] = std::exp(-0.5f * distance * distance);
    sum += k == 0 ? weights[k] : 2.0f * weights[k];
  }
  for (int64_t k = 0; k <= radius; ++k) weights[k] /= sum;
}

// Reflection without repeating the border pixel: -1 -> 1, extent -> extent - 2.
AMCL_HOST_DEVICE inline int64_t reflect(int64_t index, int64_t extent) {
  if (index < 0) return -index;
  return index < extent ? index : 2 * (extent - 1) - index;
}

}  // namespace amcl
