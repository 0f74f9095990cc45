#include "data/views/evaluation_batches.h"

#include <doctest/doctest.h>

#include "data/sources/shapes.h"
#include "engine/backend/open.h"

namespace amcl {
namespace {

TEST_CASE("evaluation batches: the images in order, normalised") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = make_shapes(*backend, Split::test, 70, 1);
  const Tensor batch = evaluation_batch(*backend, dataset, 3, 70);
  REQUIRE(batch.shape() == Shape{67, 32, 32, 3});
  const auto values = batch.to_host<float>();
  const auto pixels = dataset.images.slice(3, 70).to_host<uint8_t>();
  double worst = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t channel = i % 3;
    const float expected =
        (static_cast<float>(pixels[i]) / 255.0f - dataset.normalization.mean[channel]) /
        dataset.normalization.deviation[channel];
    worst = std::max(worst, static_cast<double>(std::fabs(values[i] - expected)));
  }
  CHECK(worst < 1e-5);
  CHECK_THROWS_WITH_AS(evaluation_batch(*backend, dataset, 3, 71),
                       "evaluation: images 3 to 71 of 70", Error);
}

}  // namespace
}  // namespace amcl
