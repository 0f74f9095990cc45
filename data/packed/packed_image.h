// An image as a packed set stores it: the file that it was, or pixels as binary PNM.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "engine/core/check.h"

namespace amcl {

struct PackedImage {
  std::vector<uint8_t> content;
  ImageExtent extent;
  std::optional<Error> error;  // why the source's image cannot be stored; the rest is then nothing
};

// `extent` resized so that its shorter side is `size`, as by torchvision's Resize. Smaller images
// stay, and so do all with `size` 0.
ImageExtent resized_extent(ImageExtent extent, int64_t size);

// Reads images of `source` and checks that they decode. For one thread.
class PackedImageReader {
 public:
  // Both outlive the reader. size: of resized_extent(); above 0 all images are stored as pixels.
  PackedImageReader(Backend& backend, const Dataset& source, int64_t size);

  PackedImage read(int64_t index);

 private:
  void store(const Tensor& pixels, PackedImage& image);

  Backend& backend_;
  const Dataset& source_;
  int64_t size_;
  ImageDecoder decoder_;
  DecodedImage decoded_;
  std::vector<uint8_t> buffer_;
};

}  // namespace amcl
