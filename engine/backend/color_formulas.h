// The colour operations of one pixel (r, g, b in [0, 1]), shared by the plain and the cuda backend.
// As torchvision.transforms.functional on float tensors.
#pragma once
#include <cmath>

#include "engine/core/host_device.h"

namespace amcl {

// Luma of torchvision's rgb_to_grayscale, which writes 0.2989 where Pillow has 0.299.
inline constexpr float kLumaRed = 0.2989f;
inline constexpr float kLumaGreen = 0.587f;
inline constexpr float kLumaBlue = 0.114f;

AMCL_HOST_DEVICE inline float luma(const float* pixel) {
  return kLumaRed * pixel[0] + kLumaGreen * pixel[1] + kLumaBlue * pixel[2];
}

AMCL_HOST_DEVICE inline float clamp_to_unit(float value) {
  return value < 0.0f ? 0.0f : (value > 1.0f ? 1.0f : value);
}

// clamp(factor value + (1 - factor) other)
AMCL_HOST_DEVICE inline float blend(float factor, float value, float other) {
  return clamp_to_unit(factor * value + (1.0f - factor) * other);
}

// Adds `turns` to the hue of HSV. A gray pixel has no hue and stays.
AMCL_HOST_DEVICE inline void rotate_hue(float* pixel, float turns) {
  const float r = pixel[0];
  const float g = pixel[1];
  const float b = pixel[2];
  const float value = r > g ? (r > b ? r : b) : (g > b ? g : b);
  const float least = r < g ? (r < b ? r : b) : (g < b ? g : b);
  const float chroma = value - least;
  if (chroma == 0.0f) return;
  float sixth = value == r   ? (g - b) / chroma
                : value == g ? 2.0f + (b - r) / chroma
                             : 4.0f + (r - g) / chroma;
  const float hue = sixth / 6.0f + turns;
  sixth = (hue - std::floor(hue)) * 6.0f;
  const float fraction = sixth - std::floor(sixth);
  const float low = value - chroma;
  const float falling = value - chroma * fraction;
  const float rising = value - chroma * (1.0f - fraction);
  const auto put = [pixel](float red, float green, float blue) {
    pixel[0] = red;
    pixel[1] = green;
    pixel[2] = blue;
  };
  switch (static_cast<int>(std::floor(sixth)) % 6) {
    case 0:
      return put(value, rising, low);
    case 1:
      return put(falling, value, low);
    case 2:
      return put(low, value, rising);
    case 3:
      return put(low, falling, value);
    case 4:
      return put(rising, low, value);
    default:
      return put(value, low, falling);
  }
}

}  // namespace amcl
