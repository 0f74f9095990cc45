// The two filters of augmentation, used by every backend: the resampler's triangle and the blur's
// Gaussian. Formulas as in torchvision on float tensors (antialias=True, align_corners=False).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/core/host_device.h"

namespace amcl {

// Antialiased bilinear resampling of `input` samples to `output` samples along one axis. The
// triangle's half width is one output sample when shrinking, one input sample when enlarging; an
// output is the weighted mean of the inputs [first, first + taps) under it, inside the crop only.
class ResizeFilter {
 public:
  AMCL_HOST_DEVICE ResizeFilter(int64_t input, int64_t output)
      : input_(input),
        scale_(static_cast<float>(input) / static_cast<float>(output)),
        support_(scale_ > 1.0f ? scale_ : 1.0f) {}

  struct Window {
    int64_t first;
    int64_t taps;
    float center;          // in input samples
    float inverse_weight;  // 1 / sum of the triangle's values
  };

  AMCL_HOST_DEVICE Window window(int64_t output_index) const {
    const float center = scale_ * (static_cast<float>(output_index) + 0.5f);
    const auto begin = static_cast<int64_t>(center - support_ + 0.5f);  // truncates towards zero
    const auto end = static_cast<int64_t>(center + support_ + 0.5f);
    const int64_t first = begin > 0 ? begin : 0;
    Window window{first, (end < input_ ? end : input_) - first, center, 1.0f};
    float sum = 0.0f;
    for (int64_t tap = 0; tap < window.taps; ++tap) sum += triangle(window, tap);
    window.inverse_weight = 1.0f / sum;
    return window;
  }
  AMCL_HOST_DEVICE float weight(const Window& window, int64_t tap) const {
    return triangle(window, tap) * window.inverse_weight;
  }
  // No window has more taps than this.
  AMCL_HOST_DEVICE int64_t max_taps() const {
    const int64_t taps = static_cast<int64_t>(std::ceil(support_)) * 2 + 1;
    return taps < input_ ? taps : input_;
  }

 private:
  AMCL_HOST_DEVICE float triangle(const Window& window, int64_t tap) const {
    const float distance =
        (static_cast<float>(window.first + tap) - window.center + 0.5f) / support_;
    const float value = 1.0f - std::fabs(distance);
    return value > 0.0f ? value : 0.0f;
  }

  int64_t input_;
  float scale_;
  float support_;
};

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

// Luma of torchvision's rgb_to_grayscale, which writes 0.2989 where Pillow has 0.299.
inline constexpr float kLumaRed = 0.2989f;
inline constexpr float kLumaGreen = 0.587f;
inline constexpr float kLumaBlue = 0.114f;

}  // namespace amcl
