#include "train/pictures/neighbour_picture.h"

#include <doctest/doctest.h>

#include <array>

#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

// Images of one gray level each, 16 pixels wide.
Dataset gray_images(Backend& backend, const std::vector<uint8_t>& levels,
                    const std::vector<int32_t>& labels) {
  constexpr int64_t kSide = 16;
  std::vector<uint8_t> pixels;
  for (const uint8_t level : levels) pixels.insert(pixels.end(), kSide * kSide * 3, level);
  Dataset dataset;
  dataset.images = Tensor::from_host<uint8_t>(
      backend, {static_cast<int64_t>(levels.size()), kSide, kSide, 3}, pixels);
  dataset.labels = labels;
  return dataset;
}

TEST_CASE("neighbour picture: queries come from every class in turn") {
  const auto backend = open_backend("cpu");
  const Dataset test = gray_images(*backend, {0, 0, 0, 0, 0}, {1, 1, 0, 1, 0});
  CHECK(pick_queries(test, 3) == std::vector<int64_t>{2, 0, 4});
  CHECK(pick_queries(test, 9) == std::vector<int64_t>{2, 0, 4, 1, 3});
}

TEST_CASE("neighbour picture: query, then neighbours, framed by whether they are right") {
  const auto backend = open_backend("cpu");
  const Dataset test = gray_images(*backend, {10, 20}, {0, 1});
  const Dataset bank = gray_images(*backend, {100, 150, 200}, {0, 1, 1});
  KnnResult result;
  result.k = 2;
  result.neighbours = {{.similarity = 0.9, .index = 0},
                       {.similarity = 0.8, .index = 2},
                       {.similarity = 0.9, .index = 1},
                       {.similarity = 0.8, .index = 0}};
  const RgbImage image = draw_neighbours(*backend, test, bank, result, {1});
  // 5 | tile 70 | 16 | tile 70 | 5 | tile 70 | 5, where a tile is 64 pixels in a frame of 3.
  CHECK(image.width == 241);
  CHECK(image.height == 80);
  using Color = std::array<int, 3>;
  const auto at = [&](int64_t x, int64_t y) {
    const auto place = static_cast<size_t>((y * image.width + x) * 3);
    return Color{image.pixels[place], image.pixels[place + 1], image.pixels[place + 2]};
  };
  constexpr Color kRight = {0, 158, 115};
  constexpr Color kWrong = {230, 159, 0};
  CHECK(at(2, 40) == Color{255, 255, 255});
  CHECK(at(40, 40) == Color{20, 20, 20});
  CHECK(at(92, 40) == kRight);
  CHECK(at(94, 40) == Color{150, 150, 150});
  CHECK(at(157, 71) == Color{150, 150, 150});
  CHECK(at(158, 71) == kRight);
  CHECK(at(167, 40) == kWrong);
  CHECK(at(200, 40) == Color{100, 100, 100});
}

TEST_CASE("png: the file says what it is; no place for it is an error") {
  const test::ScratchDirectory directory;
  const RgbImage image{.width = 3, .height = 2, .pixels = std::vector<uint8_t>(18, 77)};
  const std::string path = directory.file("a.png");
  write_png(path, image);
  const std::string content = test::read_text(path);
  CHECK(content.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(content.substr(12, 12) == std::string("IHDR\0\0\0\3\0\0\0\2", 12));
  CHECK_THROWS_WITH_AS(write_png(directory.file("none/a.png"), image),
                       doctest::Contains("cannot write"), Error);
}

}  // namespace
}  // namespace amcl
