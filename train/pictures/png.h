// Writing PNG files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amcl {

struct RgbImage {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

// Errors: io.
void write_png(const std::string& path, const RgbImage& image);

}  // namespace amcl
