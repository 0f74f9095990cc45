// Reads images of a set of files into the memory of a device, one at a time, in memory that is kept
// from image to image.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/decode/decode.h"
#include "engine/core/tensor.h"

namespace amcl {

// What is needed of an image.
struct ImageRequest {
  ImageBox box;
  int64_t reduction = 1;  // 1, 2, 4 or 8: see ImageDecoder
};

// For one thread.
class ImageReader {
 public:
  // `dataset`, which holds files, and `device` must outlive the reader.
  ImageReader(Device& device, const Dataset& dataset)
      : device_(device),
        dataset_(dataset),
        decoder_(dataset.files ? &dataset.files->decode_memory() : nullptr) {}

  // Decodes what `choose` wants of image `index`, given its extents. False if the image is bad and
  // bad images are skipped; it is noted then. The answer does not depend on what was read before.
  // Throws as BadImages::add.
  [[nodiscard]] bool read(int64_t index, const std::function<ImageRequest(ImageExtent)>& choose);

  // Of the image read last: its pixels, u8 [1, height, width, 3], valid until the next call of
  // read(), and their place in the image divided by `reduction`.
  const Tensor& pixels() const { return pixels_; }
  const ImageBox& box() const { return decoded_.box; }
  int64_t reduction() const { return decoded_.reduction; }

 private:
  void decode(int64_t index, const std::function<ImageRequest(ImageExtent)>& choose);

  Device& device_;
  const Dataset& dataset_;
  ImageDecoder decoder_;
  std::vector<uint8_t> buffer_;
  DecodedImage decoded_;
  Tensor block_;  // u8 [capacity]
  Tensor pixels_;
};

// The whole image at full size.
ImageRequest whole_image(ImageExtent extent);

}  // namespace amcl
