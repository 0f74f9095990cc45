#include "train/pictures/view_picture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/sources/shapes.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"

namespace amcl {
namespace {

constexpr int64_t kSide = 32;
constexpr int64_t kZoom = 2;
constexpr uint64_t kSeed = 5;

AugmentPolicy unequal_policy() {
  AugmentPolicy policy;
  policy.blur = {1.0, 0.1};
  policy.solarize = {0.0, 0.5};
  return policy;
}

// The picture's pixel (x, y) of the tile whose corner is (left, top).
int pixel_of(const RgbImage& picture, int64_t left, int64_t top, int64_t y, int64_t x, int64_t c) {
  return picture
      .pixels[static_cast<size_t>(((top + y * kZoom) * picture.width + left + x * kZoom) * 3 + c)];
}

TEST_CASE("view picture: the views are those of the loader's first epochs, pixel by pixel") {
  const auto backend = open_backend("cpu");
  Dataset dataset = make_shapes(*backend, Split::train, 12, 1);
  const ViewGrid grid = plan_view_grid(*backend, dataset, unequal_policy(), kSeed, 3, 4);
  const RgbImage picture = draw_view_grid(*backend, dataset, grid);
  dataset.normalization = {};  // the picture shows the views before it
  for (uint32_t epoch = 0; epoch < 2; ++epoch) {
    Loader loader(*backend, dataset, unequal_policy(),
                  {.batch = 12, .workers = 1 + epoch, .seed = kSeed});
    loader.start(epoch, 0);
    const Batch batch = loader.next();
    const std::vector<float> values = batch.images.to_host<float>();
    for (int64_t row = 0; row < 3; ++row) {
      const auto found = std::find(batch.samples.begin(), batch.samples.end(),
                                   grid.images[static_cast<size_t>(row)]);
      if (epoch == 0) CHECK(found - batch.samples.begin() == row);  // the order of training
      for (int64_t view = 0; view < 2; ++view) {
        const int64_t sample = found - batch.samples.begin() + 12 * view;
        // 4 | original 64 | 12 | view 64 | 4 | view 64 | 4 ...
        const int64_t left = 80 + (2 * int64_t{epoch} + view) * 68;
        int worst = 0;
        for (int64_t y = 0; y < kSide; ++y)
          for (int64_t x = 0; x < kSide; ++x)
            for (int64_t c = 0; c < 3; ++c) {
              const float value =
                  values[static_cast<size_t>(((sample * kSide + y) * kSide + x) * 3 + c)];
              const auto byte = static_cast<int>(std::lrint(255.0f * value));
              worst =
                  std::max(worst, std::abs(byte - pixel_of(picture, left, 4 + 68 * row, y, x, c)));
            }
        INFO("epoch ", epoch, ", row ", row, ", view ", view);
        CHECK(worst == 0);
      }
    }
  }
}

TEST_CASE("view picture: originals stand on the left, and a small set gives fewer rows") {
  const auto backend = open_backend("plain");
  const Dataset dataset = make_shapes(*backend, Split::train, 2, 1);
  const ViewGrid grid = plan_view_grid(*backend, dataset, {}, kSeed, 8, 1);
  REQUIRE(grid.images.size() == 2);
  CHECK(grid.views[0].size() == 1);
  const RgbImage picture = draw_view_grid(*backend, dataset, grid);
  CHECK(picture.width == 4 + 64 + 12 + 64 + 4);
  CHECK(picture.height == 4 + 2 * 68);
  const std::vector<uint8_t> original =
      dataset.images.slice(grid.images[1], grid.images[1] + 1).to_host<uint8_t>();
  CHECK(pixel_of(picture, 4, 72, 10, 20, 1) == original[(10 * kSide + 20) * 3 + 1]);
  CHECK(pixel_of(picture, 4, 72, 31, 31, 2) == original[(31 * kSide + 31) * 3 + 2]);
}

}  // namespace
}  // namespace amcl
