// One decoder per format behind ImageDecoder (data/decode/decode.h): pixels as they are stored,
// without the orientation. All throw Error(data) with the reason.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/decode/decode.h"
#include "data/decode/exif.h"

namespace amcl {

struct StoredImage {
  ImageExtent extent;
  Orientation orientation;
  int64_t held_bytes = 0;  // that decoding needs besides the pixels
};

// Throws Error(data) unless both sides are at least 1 and the image is no larger than
// kMostImagePixels.
void check_extent(int64_t height, int64_t width);

class JpegDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  StoredImage read_header(std::span<const uint8_t> file);
  // At least `box` of the stored image, reduced; what image.box says.
  void decode(std::span<const uint8_t> file, const ImageBox& box, int64_t reduction,
              DecodedImage& image);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

StoredImage read_png_header(std::span<const uint8_t> file);
void decode_png(std::span<const uint8_t> file, std::vector<uint8_t>& pixels);

ImageExtent read_bmp_header(std::span<const uint8_t> file);
void decode_bmp(std::span<const uint8_t> file, std::vector<uint8_t>& pixels);

ImageExtent read_pnm_header(std::span<const uint8_t> file);
// Of the pixels only those of `box`.
void decode_pnm(std::span<const uint8_t> file, const ImageBox& box, std::vector<uint8_t>& pixels);

}  // namespace amcl
