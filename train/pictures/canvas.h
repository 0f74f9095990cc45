// White paper to paste small pictures on.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "train/pictures/png.h"

namespace amcl {

using Color = std::array<uint8_t, 3>;

// How often a pixel of a picture is repeated: small ones are enlarged to about 64 pixels.
int64_t tile_zoom(int64_t height, int64_t width);

class Canvas {
 public:
  Canvas(int64_t width, int64_t height);

  void fill(int64_t left, int64_t top, int64_t width, int64_t height, const Color& color);
  // Each pixel of the picture [height, width, 3] as a square of `zoom` pixels.
  void paste(int64_t left, int64_t top, std::span<const uint8_t> picture, int64_t height,
             int64_t width, int64_t zoom);
  RgbImage take() { return std::move(image_); }

 private:
  uint8_t* at(int64_t x, int64_t y);

  RgbImage image_;
};

}  // namespace amcl
