#include "engine/nn/init.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "tests/support/compute_threads.h"

namespace amcl {
namespace {

double deviation(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / n);
}

TEST_CASE("init: a filter's values have standard deviation sqrt(2 / fan_out)") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  const Tensor filter = initializer.kaiming_normal_fan_out(Shape{64, 3, 3, 32});
  // fan_out = 64 * 3 * 3, not the fan_in 32 * 3 * 3. 18,432 values: one in 200 is the sampling error.
  CHECK(deviation(filter.to_host<double>()) == doctest::Approx(std::sqrt(2.0 / 576)).epsilon(0.02));
}

TEST_CASE("init: linear values fill +-1/sqrt(fan_in) evenly") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  const std::vector<double> values =
      initializer.uniform_fan_in(Shape{3, 40, 25}, 25).to_host<double>();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  CHECK(*low >= -0.2);
  CHECK(*low < -0.199);
  CHECK(*high <= 0.2);
  CHECK(*high > 0.199);
  CHECK(deviation(values) == doctest::Approx(0.2 / std::sqrt(3.0)).epsilon(0.03));
}

TEST_CASE("init: bits follow from the seed and the parameter's number, not from the threads") {
  const auto backend = open_backend("plain");
  const auto draw = [&](uint64_t seed, int before) {
    Initializer initializer(*backend, seed);
    for (int i = 0; i < before; ++i) initializer.constant(Shape{2}, 1.0);
    return initializer.kaiming_normal_fan_out(Shape{8, 3, 3, 4}).to_host<float>();
  };
  const std::vector<float> first = draw(7, 2);
  CHECK(first != draw(8, 2));
  CHECK(first != draw(7, 3));
  const test::ComputeThreads three(3);
  CHECK(first == draw(7, 2));
}

TEST_CASE("init: heads and rows of one parameter differ") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  const Tensor weight = initializer.uniform_fan_in(Shape{2, 3, 5}, 5);
  const std::vector<float> values = weight.to_host<float>();
  CHECK_FALSE(std::equal(values.begin(), values.begin() + 15, values.begin() + 15));
}

}  // namespace
}  // namespace amcl
