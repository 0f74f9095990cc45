// Image files made by a test.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/encode_jpeg.h"

namespace amcl {

struct PngOptions {
  int color_type = 2;  // of the PNG specification: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA
  int depth = 8;
  bool interlaced = false;
  std::vector<uint8_t> palette = {};  // red, green, blue, ...
};

// Rows as they are stored, one after the other; for depth 16 the upper byte first.
std::string encode_png(const std::vector<uint8_t>& rows, int height, int width,
                       const PngOptions& options = {});

// Smooth colours with some noise, [height, width, channels].
std::vector<uint8_t> picture(int height, int width, int channels = 3, uint64_t seed = 1);

}  // namespace amcl
