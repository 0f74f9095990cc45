#include "train/view_picture.h"

#include <algorithm>
#include <cmath>

#include "data/sampler.h"
#include "train/canvas.h"

namespace amcl {
namespace {

constexpr int64_t kGap = 4;           // pixels between pictures
constexpr int64_t kOriginalGap = 12;  // between an original and its views
constexpr uint32_t kViewsPerEpoch = 2;

// The views of one row, [columns, H, W, 3], as bytes.
std::vector<uint8_t> pixels_of(Backend& backend, const Dataset& dataset,
                               const std::vector<PicturedView>& row) {
  const Shape& shape = dataset.images.shape();
  std::vector<ViewParameters> parameters;
  for (const PicturedView& view : row) parameters.push_back(view.parameters);
  Tensor views =
      Tensor::empty(backend, shape.with(0, static_cast<int64_t>(row.size())), DType::f32);
  backend.augment(dataset.images, parameters, /*normalization=*/{}, views);
  std::vector<uint8_t> pixels;
  for (const float value : views.to_host<float>())
    pixels.push_back(static_cast<uint8_t>(std::lrint(std::clamp(value, 0.0f, 1.0f) * 255.0f)));
  return pixels;
}

}  // namespace

ViewGrid plan_view_grid(const Dataset& dataset, const AugmentPolicy& policy, uint64_t seed,
                        int64_t rows, int64_t columns) {
  policy.validate();
  ViewGrid grid;
  grid.images = epoch_order(seed, 0, dataset.count());
  grid.images.resize(static_cast<size_t>(std::min(rows, dataset.count())));
  for (const int64_t image : grid.images) {
    std::vector<PicturedView>& row = grid.views.emplace_back();
    for (uint32_t column = 0; column < columns; ++column) {
      const uint32_t epoch = column / kViewsPerEpoch;
      const uint32_t view = column % kViewsPerEpoch;
      row.push_back(
          {epoch, view,
           policy.draw(seed, epoch, image, view, dataset.images.dim(1), dataset.images.dim(2))});
    }
  }
  return grid;
}

RgbImage draw_view_grid(Backend& backend, const Dataset& dataset, const ViewGrid& grid) {
  const int64_t height = dataset.images.dim(1);
  const int64_t width = dataset.images.dim(2);
  const int64_t zoom = tile_zoom(height, width);
  const auto rows = static_cast<int64_t>(grid.images.size());
  const auto columns = rows > 0 ? static_cast<int64_t>(grid.views.front().size()) : 0;
  const auto left = [&](int64_t column) {
    return kGap + column * (width * zoom + kGap) + (column > 0 ? kOriginalGap - kGap : 0);
  };
  const auto top = [&](int64_t row) { return kGap + row * (height * zoom + kGap); };
  Canvas canvas(left(columns + 1), top(rows));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t image = grid.images[static_cast<size_t>(row)];
    canvas.paste(left(0), top(row), dataset.images.slice(image, image + 1).to_host<uint8_t>(),
                 height, width, zoom);
    const std::vector<uint8_t> views =
        pixels_of(backend, dataset, grid.views[static_cast<size_t>(row)]);
    const auto size = static_cast<size_t>(height * width * 3);
    for (int64_t column = 0; column < columns; ++column)
      canvas.paste(left(column + 1), top(row),
                   std::span(views).subspan(static_cast<size_t>(column) * size, size), height,
                   width, zoom);
  }
  return canvas.take();
}

}  // namespace amcl
