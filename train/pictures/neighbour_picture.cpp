#include "train/pictures/neighbour_picture.h"

#include <algorithm>
#include <map>

#include "data/views/evaluation_batches.h"
#include "engine/core/check.h"
#include "train/pictures/canvas.h"

namespace amcl {
namespace {

// Told apart by colour-blind readers too (Okabe and Ito, 2008).
constexpr Color kRight = {0, 158, 115};
constexpr Color kWrong = {230, 159, 0};
constexpr Color kQuery = {90, 90, 90};

constexpr int64_t kShown = 10;  // neighbours per query
constexpr int64_t kFrame = 3;
constexpr int64_t kGap = 5;        // between tiles
constexpr int64_t kQueryGap = 16;  // between a query and its neighbours

// Where the tiles of the picture stand.
struct Layout {
  int64_t height;  // of one image of the sets
  int64_t width;
  int64_t zoom;
  int64_t columns;  // neighbours

  int64_t tile_width() const { return width * zoom + 2 * kFrame; }
  int64_t tile_height() const { return height * zoom + 2 * kFrame; }
  int64_t left(int64_t column) const {  // 0 is the query
    return kGap + column * (tile_width() + kGap) + (column > 0 ? kQueryGap - kGap : 0);
  }
  int64_t top(int64_t row) const { return kGap + row * (tile_height() + kGap); }
};

void draw_tile(Backend& backend, Canvas& canvas, const Layout& layout, int64_t row, int64_t column,
               const Dataset& dataset, int64_t image, const Color& frame) {
  const int64_t left = layout.left(column);
  const int64_t top = layout.top(row);
  canvas.fill(left, top, layout.tile_width(), layout.tile_height(), frame);
  const std::vector<uint8_t> picture =
      evaluation_pixels(backend, dataset, image, image + 1).to_host<uint8_t>();
  canvas.paste(left + kFrame, top + kFrame, picture, layout.height, layout.width, layout.zoom);
}

}  // namespace

std::vector<int64_t> pick_queries(const Dataset& test, int64_t count) {
  std::map<int32_t, std::vector<int64_t>> by_class;
  for (int64_t i = 0; i < test.count(); ++i)
    by_class[test.labels[static_cast<size_t>(i)]].push_back(i);
  std::vector<int64_t> picked;
  for (size_t turn = 0; turn < static_cast<size_t>(test.count()); ++turn)
    for (const auto& [label, images] : by_class) {
      if (static_cast<int64_t>(picked.size()) == count) return picked;
      if (turn < images.size()) picked.push_back(images[turn]);
    }
  return picked;
}

RgbImage draw_neighbours(Backend& backend, const Dataset& test, const Dataset& bank,
                         const KnnResult& result, const std::vector<int64_t>& queries) {
  const ImageExtent view = test.view_extent();
  const ImageExtent other = bank.view_extent();
  AMCL_CHECK(view == other, "neighbours: test images are ", view.height, " x ", view.width,
             ", training images ", other.height, " x ", other.width);
  const Layout layout{.height = view.height,
                      .width = view.width,
                      .zoom = tile_zoom(view.height, view.width),
                      .columns = std::min(kShown, result.k)};
  const auto rows = static_cast<int64_t>(queries.size());
  Canvas canvas(layout.left(layout.columns + 1), layout.top(rows));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t query = queries[static_cast<size_t>(row)];
    draw_tile(backend, canvas, layout, row, 0, test, query, kQuery);
    for (int64_t rank = 0; rank < layout.columns; ++rank) {
      const int32_t image = result.neighbours[static_cast<size_t>(query * result.k + rank)].index;
      const bool right =
          bank.labels[static_cast<size_t>(image)] == test.labels[static_cast<size_t>(query)];
      draw_tile(backend, canvas, layout, row, rank + 1, bank, image, right ? kRight : kWrong);
    }
  }
  return canvas.take();
}

}  // namespace amcl
