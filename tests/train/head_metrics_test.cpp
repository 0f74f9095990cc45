#include "train/run/head_metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/backend/open.h"
#include "engine/ops/ops.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

TEST_CASE("heads: the correlation is 1 for rotated copies, near 0 for independent heads") {
  const auto backend = open_backend("plain");
  const Tensor x = test::Rng(3).normal(*backend, Shape{1, 60, 4}, DType::f32);
  // A rotation and a scale leave all cosines as they are.
  const Tensor turned =
      scale(concat(std::vector<Tensor>{slice(x, 2, 2, 4), slice(x, 2, 0, 2)}, 2), -3.0);
  const auto correlation = [](const std::vector<Tensor>& heads) {
    return head_similarity_correlation(concat(heads, 0));
  };
  REQUIRE(correlation({x, turned}).has_value());
  CHECK(*correlation({x, turned}) == doctest::Approx(1.0));
  const Tensor other = test::Rng(4).normal(*backend, Shape{1, 60, 4}, DType::f32);
  CHECK(std::abs(*correlation({x, other})) < 0.1);
  // The mean over the three pairs of heads.
  const double cross = *correlation({x, other});
  CHECK(*correlation({x, turned, other}) == doctest::Approx((1.0 + 2.0 * cross) / 3.0));
}

TEST_CASE("heads: no correlation of a single head or of one that has collapsed") {
  const auto backend = open_backend("plain");
  const Tensor x = test::Rng(3).normal(*backend, Shape{1, 10, 4}, DType::f32);
  CHECK_FALSE(head_similarity_correlation(x).has_value());
  Tensor ones = Tensor::empty_like(x);
  backend->fill(ones, 1.0);
  CHECK_FALSE(head_similarity_correlation(concat(std::vector<Tensor>{x, ones}, 0)).has_value());
}

TEST_CASE("heads: the gradient norm is that of the head's own part of every stack") {
  const auto backend = open_backend("plain");
  Parameter encoder(Tensor::zeros(*backend, Shape{5}, DType::f64), ParameterRole::weight);
  Parameter first(Tensor::zeros(*backend, Shape{2, 3}, DType::f64), ParameterRole::weight, true);
  Parameter second(Tensor::zeros(*backend, Shape{2, 1}, DType::f64), ParameterRole::bias, true);
  ParameterArena arena(*backend, [&](const ModuleVisitor& visitor) {
    visitor.parameter("encoder", encoder);
    visitor.parameter("heads.*.weight", first);
    visitor.parameter("heads.*.bias", second);
  });
  const auto set = [&](Parameter& parameter, const std::vector<double>& values) {
    backend->copy_from_host(parameter.slot.gradient.raw(), values.data(),
                            values.size() * sizeof(double));
  };
  set(encoder, {100, 100, 100, 100, 100});
  set(first, {1, 2, 2, 0, 0, 3});
  set(second, {4, 4});
  const std::vector<double> norms = gradient_norm_per_head(arena, 2);
  REQUIRE(norms.size() == 2);
  CHECK(norms[0] == doctest::Approx(5.0));  // 1 + 4 + 4 + 16
  CHECK(norms[1] == doctest::Approx(5.0));  // 9 + 16
  CHECK(gradient_norm_per_head(arena, 3).empty());
}

}  // namespace
}  // namespace amcl
