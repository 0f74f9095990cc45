#include "train/evaluation/embed.h"

#include <doctest/doctest.h>

#include <limits>

#include "engine/backend/open.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"

namespace amcl {
namespace {

TEST_CASE("embed: every image has its own row, over all batches") {
  const auto backend = open_backend("cpu");
  Dataset dataset = test::random_dataset(*backend, 300, 8);  // one batch of 256 and a partial one
  const auto method = build_method(test::tiny_config(), *backend);
  const Tensor all = backbone_features(*method, *backend, dataset);
  REQUIRE(all.shape() == Shape{300, method->feature_dim()});
  const Tensor images = dataset.images;
  for (const int64_t image : {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{299}}) {
    dataset.images = images.slice(image, image + 1);
    const auto alone = backbone_features(*method, *backend, dataset).to_host<double>();
    const auto row = all.slice(image, image + 1).to_host<double>();
    for (size_t i = 0; i < row.size(); ++i)
      CHECK(alone[i] == doctest::Approx(row[i]).epsilon(1e-4));
  }
}

TEST_CASE("embed: fewer images at once take less memory and give the same features") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 64, 16);
  const auto method = build_method(test::tiny_config(), *backend);
  const auto run = [&](int64_t at_once, std::vector<double>& features) {
    backend->allocator().reset_peak();
    const int64_t before = backend->allocator().use().in_use;
    features = backbone_features(*method, *backend, dataset, at_once).to_host<double>();
    return backend->allocator().use().peak - before;
  };
  std::vector<double> whole;
  std::vector<double> parts;
  const int64_t most = run(64, whole);
  CHECK(run(7, parts) < most / 3);
  REQUIRE(parts.size() == whole.size());
  for (size_t i = 0; i < whole.size(); ++i)
    CHECK(parts[i] == doctest::Approx(whole[i]).epsilon(1e-4));
}

TEST_CASE("embed: pixels are normalised channel by channel") {
  const auto backend = open_backend("cpu");
  Dataset dataset = test::random_dataset(*backend, 3, 4);
  dataset.normalization = {.mean = {0.1F, 0.2F, 0.3F}, .deviation = {1, 2, 4}};
  const Tensor features = pixel_features(*backend, dataset);
  REQUIRE(features.shape() == Shape{3, 48});
  const std::vector<float> values = features.to_host<float>();
  const std::vector<float> pixels = dataset.images.to_host<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const float expected = (pixels[i] / 255 - dataset.normalization.mean[i % 3]) /
                           dataset.normalization.deviation[i % 3];
    CHECK(values[i] == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("embed: features that are not finite are an error, not a result") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 2, 8);
  const auto method = build_method(test::tiny_config(), *backend);
  method->visit({.parameter =
                     [&](const std::string& name, Parameter& parameter) {
                       if (name == "backbone.layer4.1.bn2.bias")
                         backend->fill(parameter.value, std::numeric_limits<double>::infinity());
                     },
                 .buffer = [](const std::string&, Tensor&) {}});
  CHECK_THROWS_WITH_AS(backbone_features(*method, *backend, dataset),
                       doctest::Contains("features of random images are not finite"), Error);
}

}  // namespace
}  // namespace amcl
