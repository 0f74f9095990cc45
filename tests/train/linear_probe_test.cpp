#include "train/evaluation/linear_probe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/backend/open.h"
#include "engine/core/philox.h"
#include "train/evaluation/column_statistics.h"
#include "train/evaluation/knn.h"

namespace amcl {
namespace {

struct Problem {
  Tensor x;  // [n, 4]
  std::vector<int32_t> labels;
};

// Three classes on the corners of a triangle, a tenth of the corners' distance apart in noise. The
// two useful features are small beside an offset and beside a third, loud one that says nothing, so
// that only standardised features can be learned from; the fourth is constant.
Problem make_problem(Backend& backend, int64_t count, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  Problem problem;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<int32_t>(random.below(3));
    const float angle = 2.0944F * static_cast<float>(label);
    values.push_back(50 + 0.1F * (std::cos(angle) + 0.17F * random.normal()));
    values.push_back(0.001F * (std::sin(angle) + 0.17F * random.normal()));
    values.push_back(1000 * random.normal());
    values.push_back(0.1F);
    problem.labels.push_back(label);
  }
  problem.x = Tensor::from_host<float>(backend, {count, 4}, values);
  return problem;
}

TEST_CASE("linear probe: learns what is linear, whatever the scale of the features") {
  const auto backend = open_backend("cpu");
  const Problem train = make_problem(*backend, 700, 1);
  const Problem test = make_problem(*backend, 300, 2);
  const LinearProbeOptions options{.epochs = 20};
  const LinearProbeResult result = linear_probe(train.x, train.labels, test.x, 3, options);
  CHECK(top1_percent(result.predictions, test.labels) >= 99.0);
  const auto best = std::max_element(result.held_out_top1.begin(), result.held_out_top1.end());
  CHECK(*best >= 98.0);
  CHECK(result.rate == kLinearProbeRates[static_cast<size_t>(best - result.held_out_top1.begin())]);

  const LinearProbeResult again = linear_probe(train.x, train.labels, test.x, 3, options);
  CHECK(again.predictions == result.predictions);
  CHECK(again.held_out_top1 == result.held_out_top1);
}

TEST_CASE("linear probe: the rates are trained apart") {
  const auto backend = open_backend("cpu");
  Problem train = make_problem(*backend, 2000, 3);
  // With labels that have nothing to do with the features, where each regression ends depends on
  // its rate alone; if one rate moved all of them, they would agree.
  std::rotate(train.labels.begin(), train.labels.begin() + 7, train.labels.end());
  const auto top1 =
      linear_probe(train.x, train.labels, train.x, 3, {.epochs = 3, .batch = 32}).held_out_top1;
  CHECK(top1.front() != top1.back());
}

TEST_CASE("linear probe: about a tenth is held out, the same images every time") {
  int held_out = 0;
  for (int64_t i = 0; i < 10'000; ++i) held_out += is_held_out(i) ? 1 : 0;
  CHECK(held_out > 900);
  CHECK(held_out < 1100);
  CHECK(is_held_out(12) == is_held_out(12));
}

TEST_CASE("linear probe: too few images are refused with their number") {
  const auto backend = open_backend("cpu");
  const Problem train = make_problem(*backend, 1, 1);
  CHECK_THROWS_WITH_AS(linear_probe(train.x, train.labels, train.x, 3),
                       doctest::Contains("1 training images are too few"), Error);
}

TEST_CASE("column statistics: standardised columns have mean 0 and deviation 1, constants are 0") {
  const auto backend = open_backend("cpu");
  const Problem problem = make_problem(*backend, 2500, 4);  // more than one piece on the host
  const ColumnStatistics statistics = column_statistics(problem.x);
  CHECK(statistics.mean[0] == doctest::Approx(50).epsilon(1e-3));
  CHECK(statistics.inverse_deviation[3] == 0.0);
  const ColumnStatistics after = column_statistics(standardize(problem.x, statistics));
  for (size_t column = 0; column < 3; ++column) {
    CHECK(std::abs(after.mean[column]) < 1e-5);
    CHECK(after.inverse_deviation[column] == doctest::Approx(1.0).epsilon(1e-4));
  }
  CHECK(after.mean[3] == 0.0);
}

}  // namespace
}  // namespace amcl
