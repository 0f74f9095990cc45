#include "data/views/preprocessing.h"

#include <algorithm>

#include "data/views/augment_policy.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

int64_t shorter_side(const ImageExtent& extent) {
  return std::min(extent.height, extent.width);
}

// torchvision's 256 for 224.
int64_t usual_resize(int64_t size) {
  return (size * 8 + 3) / 7;
}

std::string text_of(const std::array<float, 3>& channels) {
  return concat_text(channels[0], ' ', channels[1], ' ', channels[2]);
}

}  // namespace

Preprocessing preprocessing_of(const Dataset& dataset) {
  const ImageExtent view = dataset.view_extent();
  const int64_t side = shorter_side(view);
  const int64_t usual = view == dataset.image_extent() ? side : usual_resize(side);
  return {.view = view,
          .resize = dataset.resize > 0 ? dataset.resize : usual,
          .interpolation = dataset.interpolation,
          .normalization = dataset.normalization};
}

void preprocess_with(Dataset& dataset, const Preprocessing& preprocessing) {
  const auto& [view, resize, interpolation, normalization] = preprocessing;
  const bool square = view.height == view.width;
  AMCL_CHECK(square || view == dataset.image_extent(), dataset.name, ": views of ", view.height,
             " x ", view.width,
             " pixels are of images of that size only; use --size N for square ones");
  dataset.size = square ? view.height : 0;
  dataset.resize = resize;
  dataset.interpolation = interpolation;
  dataset.normalization = normalization;
}

Preprocessing with_size(const Preprocessing& preprocessing, int64_t size) {
  Preprocessing result = preprocessing;
  const bool whole = preprocessing.resize == shorter_side(preprocessing.view);
  result.view = {size, size};
  if (preprocessing.resize > 0) result.resize = whole ? size : usual_resize(size);
  return result;
}

std::string describe(const Preprocessing& preprocessing) {
  const auto& [view, resize, interpolation, normalization] = preprocessing;
  const std::string rule =
      concat_text(" from the centre, shorter side at ", resize, " (", name_of(interpolation), ')');
  return concat_text(view.height, " x ", view.width, resize > 0 ? rule : "", ", mean ",
                     text_of(normalization.mean), ", deviation ", text_of(normalization.deviation));
}

}  // namespace amcl
