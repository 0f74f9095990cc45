// The statistics that every pair loss reports, against a direct computation, and what pair_loss
// promises about layout and threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/parallel_for.h"
#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/compute_threads.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

struct Moments {
  std::vector<double> values;

  double mean() const {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  double deviation() const {
    double squares = 0.0;
    for (const double value : values) squares += (value - mean()) * (value - mean());
    return std::sqrt(squares / static_cast<double>(values.size()));
  }
};

Tensor indices(const std::vector<int32_t>& values, Backend& backend = test::plain()) {
  return Tensor::from_host(backend, {static_cast<int64_t>(values.size())},
                           std::span<const int32_t>(values));
}

// The positive of each row of two views.
Tensor positives(int64_t rows, Backend& backend) {
  std::vector<int32_t> values;
  for (int64_t i = 0; i < rows; ++i) values.push_back(static_cast<int32_t>((i + rows / 2) % rows));
  return indices(values, backend);
}

// The definition in f64 and every fast backend in f32.
struct Place {
  Backend& backend;
  DType dtype;
  double tolerance;
};
std::vector<Place> places() {
  std::vector<Place> result = {{test::plain(), DType::f64, 1e-6}};
  for (Backend* backend : test::fast_backends()) result.push_back({*backend, DType::f32, 2e-5});
  return result;
}

// What pair_loss should report about one head, from its similarities and temperatures.
std::vector<double> expected_statistics(std::span<const double> s, std::span<const double> tau,
                                        size_t rows, const PairLossSpec& spec) {
  Moments positive_s, negative_s, positive_tau, negative_tau;
  double lowest = 1e9, highest = 0.0, at_bound = 0.0, logit = 0.0, pairs = 0.0;
  const double margin = 1e-3 * (spec.range.high - spec.range.low);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j) {
      if (i == j) continue;
      const size_t at = i * rows + j;
      const bool positive = j == (i + rows / 2) % rows;
      (positive ? positive_s : negative_s).values.push_back(s[at]);
      (positive ? positive_tau : negative_tau).values.push_back(tau[at]);
      lowest = std::min(lowest, tau[at]);
      highest = std::max(highest, tau[at]);
      pairs += 1.0;
      if (tau[at] - spec.range.low <= margin || spec.range.high - tau[at] <= margin)
        at_bound += 1.0;
      const double beta = positive ? spec.beta_positive : spec.beta_negative;
      const double a = positive ? spec.a_positive : spec.a_negative;
      logit = std::max(logit, std::abs((s[at] - beta) / tau[at] - beta * a * std::log(tau[at])));
    }
  CHECK(at_bound > 0.0);
  return {positive_s.mean(),
          positive_s.deviation(),
          negative_s.mean(),
          negative_s.deviation(),
          positive_tau.mean(),
          positive_tau.deviation(),
          negative_tau.mean(),
          negative_tau.deviation(),
          lowest,
          highest,
          at_bound / pairs,
          logit};
}

TEST_CASE("pair_loss: statistics leave the anchor itself out and keep the positives apart") {
  const PairLossSpec spec{.range = {.low = 0.05, .high = 1.0, .bias = 0.2},
                          .beta_positive = 0.1,
                          .a_positive = 2.0,
                          .beta_negative = 0.3,
                          .a_negative = 1.5};
  for (const Place& place : places())
    for (const int64_t rows : {6, 38}) {
      Backend& backend = place.backend;
      const DType dtype = place.dtype;
      const double tolerance = place.tolerance;
      test::Rng rng(21);
      const Tensor s = rng.uniform(backend, {2, rows, rows}, -1.0f, 1.0f, dtype);
      const Tensor r = rng.uniform(backend, {2, rows, rows}, -9.0f, 9.0f, dtype);
      const auto statistics =
          pair_statistics(pair_loss(s, r, positives(rows, backend), spec).records, spec);
      for (int64_t head = 0; head < 2; ++head) {
        const auto expected =
            expected_statistics(s.slice(head, head + 1).to_host<double>(),
                                temperature(r, spec.range).slice(head, head + 1).to_host<double>(),
                                static_cast<size_t>(rows), spec);
        const auto got = statistics.slice(head, head + 1).to_host<double>();
        REQUIRE(got.size() == expected.size());
        for (size_t k = 0; k < got.size(); ++k) {
          INFO(std::string(backend.name()), ", rows ", rows, ", head ", head, ", statistic ", k);
          CHECK(got[k] == doctest::Approx(expected[k]).epsilon(tolerance));
        }
      }
    }
}

TEST_CASE("pair_loss: a constant temperature is reported as such") {
  for (const auto& [backend, dtype, tolerance] : places()) {
    const Tensor s = test::Rng(22).uniform(backend, {1, 4, 4}, -1.0f, 1.0f, dtype);
    // At the bound of a range that a constant has nothing to do with.
    const PairLossSpec spec{
        .adaptive = false, .temperature = 0.25, .range = {.low = 0.25, .high = 1.0}};
    const PairLoss loss = pair_loss(s, {}, positives(4, backend), spec);
    const auto statistics = pair_statistics(loss.records, spec).to_host<double>();
    CHECK(statistics[kPositiveTemperatureMean] == 0.25);
    CHECK(statistics[kPositiveTemperatureStd] == 0.0);
    CHECK(statistics[kNegativeTemperatureMean] == 0.25);
    CHECK(statistics[kNegativeTemperatureStd] == 0.0);
    CHECK(statistics[kTemperatureMin] == 0.25);
    CHECK(statistics[kTemperatureMax] == 0.25);
    CHECK(statistics[kTemperatureAtBound] == 0.0);
  }
}

// The vector exponential gives 0 for what is not a number.
TEST_CASE("pair_loss: a similarity or score that is not a number reaches the loss") {
  for (const Place& place : places())
    for (const bool in_score : {false, true})
      for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard}) {
        Backend& backend = place.backend;
        const DType dtype = place.dtype;
        // All scores: those that a reducer does not select need not reach it.
        INFO(std::string(backend.name()), ", in the scores ", in_score, ", reducer ",
             static_cast<int>(reducer));
        std::vector<double> values(20 * 20, 0.3);
        std::vector<double> broken = values;
        std::fill(broken.begin(), broken.begin() + (in_score ? 20 : 6),
                  std::numeric_limits<double>::quiet_NaN());
        const auto matrix = [&](const std::vector<double>& of) {
          return Tensor::from_host(backend, {1, 20, 20}, std::span<const double>(of), dtype);
        };
        const TapeScope scope;
        const Tensor s = tape::leaf(matrix(in_score ? values : broken));
        const Tensor r = matrix(in_score ? broken : values);
        const Tensor loss =
            pair_loss(s, r, positives(20, backend), {.reducer = reducer, .topk = 3}).loss;
        const auto losses = loss.to_host<double>();
        CHECK(std::isnan(losses[0]));
        CHECK(std::isfinite(losses[1]));
        if (reducer != PairReducer::lse) continue;
        tape::backward(sum(loss));
        const auto gradient = tape::gradient(s).to_host<double>();
        CHECK(std::any_of(gradient.begin(), gradient.begin() + 20,
                          [](double g) { return std::isnan(g); }));
      }
}

// Each of two devices holds half of the anchors and all candidates.
TEST_CASE("pair_loss: anchors split over devices give the losses and gradients of one") {
  const int64_t rows = 8;
  test::Rng rng(23);
  const Tensor s = rng.uniform(test::plain(), {1, rows, rows}, -1.0f, 1.0f);
  const Tensor r = rng.normal(test::plain(), {1, rows, rows});
  const std::vector<int32_t> positive = {4, 5, 6, 7, 0, 1, 2, 3};
  const auto part = [&](const Tensor& x, int64_t begin, int64_t end) {
    return slice(x, 1, begin, end);
  };
  for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk}) {
    PairLossSpec spec{.reducer = reducer, .topk = 3};
    const TapeScope scope;
    const Tensor s_leaf = tape::leaf(s);
    const Tensor whole = pair_loss(s_leaf, r, indices(positive), spec).loss;
    std::vector<Tensor> halves;
    for (const int64_t begin : {int64_t{0}, rows / 2}) {
      spec.self_offset = begin;
      const auto first = positive.begin() + begin;
      halves.push_back(pair_loss(part(s_leaf, begin, begin + rows / 2),
                                 part(r, begin, begin + rows / 2),
                                 indices(std::vector<int32_t>(first, first + rows / 2)), spec)
                           .loss);
    }
    CHECK(test::difference(concat(halves, 1), whole, 0.0) == "");
    tape::backward(subtract(sum(whole), sum(concat(halves, 1))));
    for (const double g : tape::gradient(s_leaf).to_host<double>()) CHECK(g == 0.0);
  }
}

TEST_CASE("pair_loss: ties go to the lowest index") {
  const std::vector<double> similarity = {0.0, 0.5, 0.5, 0.1, 0.5, 0.2};
  const auto gradient = [&](PairReducer reducer) {
    const TapeScope scope;
    const Tensor s = tape::leaf(Tensor::from_host(test::plain(), {1, 1, 6},
                                                  std::span<const double>(similarity), DType::f64));
    const PairLossSpec spec{.reducer = reducer,
                            .topk = 2,
                            .self_offset = PairLossSpec::kNoSelf,
                            .adaptive = false,
                            .temperature = 1.0};
    tape::backward(sum(pair_loss(s, {}, indices({3}), spec).loss));
    return tape::gradient(s).to_host<double>();
  };
  CHECK(gradient(PairReducer::topk) == std::vector<double>{0, 0.5, 0.5, -1, 0, 0});
  CHECK(gradient(PairReducer::hard) == std::vector<double>{0, 1, 0, -1, 0, 0});
}

TEST_CASE("pair_loss: the number of threads does not change a bit") {
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends) {
    INFO(std::string(backend->name()));
    std::vector<std::vector<double>> results;
    for (const int count : {1, 3}) {
      const test::ComputeThreads threads(count);
      test::Rng rng(24);
      const TapeScope scope;
      const Tensor s = tape::leaf(rng.uniform(*backend, {2, 70, 70}, -1.0f, 1.0f, DType::f32));
      const Tensor r = rng.normal(*backend, {2, 70, 70}, DType::f32);
      const PairLoss loss = pair_loss(s, r, positives(70, *backend), {});
      tape::backward(sum(loss.loss));
      std::vector<double> all = loss.loss.to_host<double>();
      for (const Tensor& part : {loss.records, tape::gradient(s)}) {
        const auto values = part.to_host<double>();
        all.insert(all.end(), values.begin(), values.end());
      }
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
  }
}

}  // namespace
}  // namespace amcl
