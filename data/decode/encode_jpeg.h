// JPEG images of pictures made up by a program: for the benchmark and the tests of decoding.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amcl {

struct JpegOptions {
  int components = 3;  // 1: gray, 3: YCbCr, 4: CMYK as Adobe stores it (inverted)
  int horizontal_sampling = 2;
  int vertical_sampling = 2;
  bool progressive = false;
  int restart_rows = 0;  // a restart marker after so many rows of blocks; 0: none
  int orientation = 0;   // Exif; 0: none
  int quality = 90;
};

// Samples [height, width, components].
std::string encode_jpeg(const std::vector<uint8_t>& samples, int height, int width,
                        const JpegOptions& options = {});

}  // namespace amcl
