// Image files made by a test.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/decode/encode_jpeg.h"

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

// A chunk of a PNG with its length and checksum.
std::string png_chunk(const std::string& name_and_content);

// Little-endian header of a BMP without palette.
std::string bmp(int32_t width, int32_t height, int bits, const std::string& rest,
                uint32_t begin = 54);

// Smooth colours with some noise, [height, width, channels].
std::vector<uint8_t> picture(int height, int width, int channels = 3, uint64_t seed = 1);

}  // namespace amcl
