// Which images of a set of files can be read: looks at every one.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace amcl {

struct ImageCheck {
  int64_t image = 0;
  ImageExtent extent;       // of a good image
  uint64_t pixel_hash = 0;  // the same for images of the same pixels, where it is asked for
  std::string error;        // with the place of the file; empty for a good image
};

// Decodes images [begin, end) whole, on all compute threads.
std::vector<ImageCheck> check_images(const ImageFiles& files, int64_t begin, int64_t end,
                                     bool hash_pixels = false);
// Of images [begin, end) those that can be read; the others are noted as bad ones. Where bad images are
// not skipped, nothing is looked at. Throws as BadImages::add.
std::vector<int64_t> readable_images(const Dataset& dataset, int64_t begin, int64_t end);
// The first `wanted` of the `images` that can be read; the others up to there are noted as bad
// ones. Where bad images are not skipped, nothing is looked at. Throws as BadImages::add;
// Error(data) if no image is good.
std::vector<int64_t> good_images(const Dataset& dataset, std::span<const int64_t> images,
                                 int64_t wanted);

// Leaves only good images, with their labels, under other numbers. Throws as good_images().
void keep_good_images(Dataset& dataset);

}  // namespace amcl
