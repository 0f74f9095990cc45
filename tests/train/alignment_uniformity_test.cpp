#include "train/evaluation/alignment_uniformity.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/backend/open.h"
#include "engine/ops/ops.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

TEST_CASE("alignment: 0 for equal directions, 2 for right angles, whatever the lengths") {
  const auto backend = open_backend("plain");
  const auto rows = [&](std::vector<float> values) {
    return Tensor::from_host<float>(*backend, Shape{2, 2}, values);
  };
  const Tensor x = rows({1.0F, 0.0F, 0.0F, 2.0F});
  CHECK(alignment(x, rows({5.0F, 0.0F, 0.0F, 0.5F})) == doctest::Approx(0.0));
  CHECK(alignment(x, rows({0.0F, 3.0F, 1.0F, 0.0F})) == doctest::Approx(2.0));
}

TEST_CASE("uniformity: 0 where all rows agree, near -4 where they fill a large sphere") {
  const auto backend = open_backend("plain");
  const Tensor same =
      Tensor::from_host<float>(*backend, Shape{3, 2}, std::vector<float>{1, 1, 2, 2, 3, 3});
  CHECK(uniformity(same) == doctest::Approx(0.0).epsilon(1e-5));
  // Two opposite rows: |x - y|^2 = 4.
  const Tensor poles =
      Tensor::from_host<float>(*backend, Shape{2, 2}, std::vector<float>{1, 0, -1, 0});
  CHECK(uniformity(poles) == doctest::Approx(-8.0));
  const Tensor sphere = test::Rng(2).normal(*backend, Shape{100, 256}, DType::f32);
  CHECK(uniformity(sphere) == doctest::Approx(-4.0).epsilon(0.02));
}

}  // namespace
}  // namespace amcl
