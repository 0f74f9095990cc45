#include "train/pictures/view_picture.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "data/image_reader.h"
#include "data/views/evaluation_batches.h"
#include "data/views/pixel_bytes.h"
#include "data/views/sampler.h"
#include "data/views/view_maker.h"
#include "engine/core/check.h"
#include "train/pictures/canvas.h"

namespace amcl {
namespace {

constexpr int64_t kGap = 4;           // pixels between pictures
constexpr int64_t kOriginalGap = 12;  // between an original and its views
constexpr uint32_t kViewsPerEpoch = 2;

// Of image files, what the decoder finds; nothing for a bad image.
std::optional<ImageExtent> extent_of(Backend& backend, const Dataset& dataset, int64_t image) {
  if (dataset.in_memory()) return dataset.image_extent();
  ImageExtent extent;
  const bool good = ImageReader(backend, dataset).read(image, [&](ImageExtent found) {
    extent = found;
    return whole_image(found);
  });
  if (!good) return std::nullopt;
  return extent;
}

}  // namespace

ViewGrid plan_view_grid(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
                        uint64_t seed, int64_t rows, int64_t columns) {
  policy.validate();
  ViewGrid grid{.seed = seed, .policy = policy, .images = {}, .views = {}};
  for (const int64_t image : epoch_order(seed, 0, dataset.count())) {
    if (std::ssize(grid.images) == rows) break;
    const std::optional<ImageExtent> extent = extent_of(backend, dataset, image);
    if (!extent) continue;
    grid.images.push_back(image);
    std::vector<PicturedView>& row = grid.views.emplace_back();
    for (uint32_t column = 0; column < columns; ++column) {
      const uint32_t epoch = column / kViewsPerEpoch;
      const uint32_t view = column % kViewsPerEpoch;
      row.push_back(
          {epoch, view, policy.draw(seed, epoch, image, view, extent->height, extent->width)});
    }
  }
  return grid;
}

RgbImage draw_view_grid(Backend& backend, const Dataset& dataset, const ViewGrid& grid) {
  const auto [height, width] = dataset.view_extent();
  const int64_t zoom = tile_zoom(height, width);
  const auto rows = static_cast<int64_t>(grid.images.size());
  const auto columns = rows > 0 ? static_cast<int64_t>(grid.views.front().size()) : 0;
  const auto left = [&, width = width](int64_t column) {
    return kGap + column * (width * zoom + kGap) + (column > 0 ? kOriginalGap - kGap : 0);
  };
  const auto top = [&, height = height](int64_t row) {
    return kGap + row * (height * zoom + kGap);
  };
  Canvas canvas(left(columns + 1), top(rows));
  Dataset plain = dataset;
  plain.normalization = {};
  ViewMaker maker(backend, plain, grid.policy, grid.seed);
  std::array<Tensor, kViewsPerEpoch> views;
  for (Tensor& view : views) view = Tensor::empty(backend, {1, height, width, 3}, DType::f32);
  for (int64_t row = 0; row < rows; ++row) {
    const std::span image(&grid.images[static_cast<size_t>(row)], 1);
    canvas.paste(left(0), top(row), evaluation_pixels(backend, plain, image).to_host<uint8_t>(),
                 height, width, zoom);
    for (const PicturedView& pictured : grid.views[static_cast<size_t>(row)]) {
      if (pictured.view == 0)
        AMCL_CHECK(maker.make(pictured.epoch, image, views).empty(),
                   "augment: ", dataset.image_name(image[0]), " cannot be read any more");
      const int64_t column = pictured.epoch * kViewsPerEpoch + pictured.view;
      canvas.paste(left(column + 1), top(row), pixel_bytes(views[pictured.view]), height, width,
                   zoom);
    }
  }
  return canvas.take();
}

}  // namespace amcl
