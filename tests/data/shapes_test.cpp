#include "data/sources/shapes.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/backend/plain/plain_backend.h"

namespace amcl {
namespace {

TEST_CASE("shapes10: ten classes in equal numbers, the same for the same seed") {
  PlainBackend backend;
  const Dataset dataset = make_shapes(backend, Split::train, 200, 5);
  CHECK(dataset.images.shape() == Shape{200, 32, 32, 3});
  CHECK(dataset.class_names.size() == 10);
  for (int32_t label = 0; label < 10; ++label)
    CHECK(std::count(dataset.labels.begin(), dataset.labels.end(), label) == 20);

  const auto pixels = dataset.images.to_host<uint8_t>();
  CHECK(make_shapes(backend, Split::train, 200, 5).images.to_host<uint8_t>() == pixels);
  CHECK(make_shapes(backend, Split::train, 200, 6).images.to_host<uint8_t>() != pixels);
  CHECK(make_shapes(backend, Split::test, 200, 5).images.to_host<uint8_t>() != pixels);
  // The first images are those of the whole set.
  const auto more = make_shapes(backend, Split::train, 300, 5).images.to_host<uint8_t>();
  CHECK(std::equal(pixels.begin(), pixels.end(), more.begin()));
}

TEST_CASE("shapes10: a limit cannot ask for more than there is") {
  PlainBackend backend;
  CHECK(make_shapes(backend, Split::test, 5000, 1).count() == kShapesTestImages);
}

TEST_CASE("shapes10: the channel constants are those of the images") {
  PlainBackend backend;
  const Dataset dataset = make_shapes(backend, Split::train, 1000, 2);
  const auto pixels = dataset.images.to_host<uint8_t>();
  for (size_t channel = 0; channel < 3; ++channel) {
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = channel; i < pixels.size(); i += 3) {
      sum += pixels[i] / 255.0;
      squares += pixels[i] / 255.0 * pixels[i] / 255.0;
    }
    const double n = static_cast<double>(pixels.size()) / 3.0;
    const double mean = sum / n;
    CHECK(mean == doctest::Approx(dataset.normalization.mean[channel]).epsilon(0.03));
    CHECK(std::sqrt(squares / n - mean * mean) ==
          doctest::Approx(dataset.normalization.deviation[channel]).epsilon(0.03));
  }
}

TEST_CASE("shapes10: has no unlabeled images") {
  PlainBackend backend;
  CHECK_THROWS_WITH_AS(make_shapes(backend, Split::unlabeled, 0, 1),
                       "split: shapes10 has no unlabeled images; choose train or test", Error);
}

}  // namespace
}  // namespace amcl
