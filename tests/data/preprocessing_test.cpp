#include "data/views/preprocessing.h"

#include <doctest/doctest.h>

#include <functional>

#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"
#include "tests/data/noise_dataset.h"

namespace amcl {
namespace {

std::string pnm(const std::vector<uint8_t>& pixels, int64_t height, int64_t width) {
  return concat_text("P6 ", width, ' ', height, " 255 ", std::string(pixels.begin(), pixels.end()));
}

// The set's images as files, which any size of view may be asked of.
Dataset as_files(Backend& backend, const TemporaryDirectory& directory, const Dataset& dataset) {
  for (int64_t image = 0; image < dataset.count(); ++image)
    write(directory.path() / concat_text(image, ".ppm"),
          pnm(dataset.images.slice(image, image + 1).to_host<uint8_t>(), dataset.images.dim(1),
              dataset.images.dim(2)));
  return open_dataset(backend, directory.path().string(), Split::train, 0, 1);
}

std::vector<float> seen(Backend& backend, const Dataset& dataset) {
  return evaluation_batch(backend, dataset, 0, dataset.count()).to_host<float>();
}

TEST_CASE("preprocessing: images of the views' size are taken whole, of others the centre") {
  const auto backend = open_backend("cpu");
  Dataset dataset = test::noise_dataset(*backend, Shape{2, 32, 32, 3}, 1);
  CHECK(preprocessing_of(dataset).view == ImageExtent{32, 32});
  CHECK(preprocessing_of(dataset).resize == 32);
  dataset.size = 28;
  CHECK(preprocessing_of(dataset).view == ImageExtent{28, 28});
  CHECK(preprocessing_of(dataset).resize == 32);
  dataset.size = 224;
  CHECK(preprocessing_of(dataset).resize == 256);
  CHECK(with_size(preprocessing_of(dataset), 112).resize == 128);
  dataset.size = 0;
  CHECK(with_size(preprocessing_of(dataset), 112).resize == 112);
}

TEST_CASE("preprocessing: files are seen as the images in memory that an encoder was trained on") {
  const auto backend = open_backend("cpu");
  const Dataset memory = test::noise_dataset(*backend, Shape{5, 8, 8, 3}, 1);
  const TemporaryDirectory directory;
  Dataset files = as_files(*backend, directory, memory);
  CHECK(files.view_extent() == ImageExtent{224, 224});
  preprocess_with(files, preprocessing_of(memory));
  CHECK(files.view_extent() == ImageExtent{8, 8});
  CHECK(seen(*backend, files) == seen(*backend, memory));
}

TEST_CASE("preprocessing: size, rule, interpolation, mean and deviation change what is seen") {
  const auto backend = open_backend("cpu");
  Dataset dataset = test::noise_dataset(*backend, Shape{2, 12, 15, 3}, 1);
  Preprocessing usual{.view = {8, 8}, .resize = 9, .normalization = dataset.normalization};
  const auto with = [&](const Preprocessing& preprocessing) {
    preprocess_with(dataset, preprocessing);
    return seen(*backend, dataset);
  };
  const std::vector<float> before = with(usual);
  CHECK(before.size() == 2 * 8 * 8 * 3);
  for (const auto& change : std::vector<std::function<void(Preprocessing&)>>{
           [](Preprocessing& one) {
             one.view = {7, 7};
           },
           [](Preprocessing& one) { one.resize = 8; },
           [](Preprocessing& one) { one.interpolation = Interpolation::bicubic; },
           [](Preprocessing& one) { one.normalization.mean[1] = 0.9F; },
           [](Preprocessing& one) { one.normalization.deviation[2] = 0.9F; }}) {
    Preprocessing changed = usual;
    change(changed);
    CHECK(with(changed) != before);
  }
  CHECK(with(usual) == before);
}

TEST_CASE("preprocessing: views that are not square are of images of their size only") {
  const auto backend = open_backend("cpu");
  const Dataset wide = test::noise_dataset(*backend, Shape{2, 12, 15, 3}, 1);
  Dataset same = test::noise_dataset(*backend, Shape{3, 12, 15, 3}, 1);
  preprocess_with(same, preprocessing_of(wide));
  CHECK(same.view_extent() == ImageExtent{12, 15});
  Dataset other = test::noise_dataset(*backend, Shape{3, 15, 12, 3}, 1);
  CHECK_THROWS_WITH_AS(preprocess_with(other, preprocessing_of(wide)),
                       doctest::Contains("use --size N for square ones"), Error);
}

TEST_CASE("preprocessing: is told in one line") {
  Preprocessing one{.view = {32, 32},
                    .resize = 37,
                    .interpolation = Interpolation::bicubic,
                    .normalization = {.mean = {0.5F, 0.25F, 0}, .deviation = {1, 0.5F, 0.25F}}};
  CHECK(describe(one) ==
        "32 x 32 from the centre, shorter side at 37 (bicubic), mean 0.5 0.25 0, deviation 1 0.5 "
        "0.25");
}

}  // namespace
}  // namespace amcl
