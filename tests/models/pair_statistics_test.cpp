// The statistics that every pair loss reports, against a direct computation, and what pair_loss
// promises about layout and threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/core/parallel_for.h"
#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
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

Tensor indices(const std::vector<int32_t>& values) {
  return Tensor::from_host(test::plain(), {static_cast<int64_t>(values.size())},
                           std::span<const int32_t>(values));
}

TEST_CASE("pair_loss: statistics leave the anchor itself out and keep the positives apart") {
  const int64_t rows = 6;
  test::Rng rng(21);
  const Tensor s = rng.uniform(test::plain(), {2, rows, rows}, -1.0f, 1.0f);
  const Tensor r = rng.uniform(test::plain(), {2, rows, rows}, -9.0f, 9.0f);
  const PairLossSpec spec{.range = {.low = 0.05, .high = 1.0, .bias = 0.2},
                          .beta_positive = 0.1,
                          .a_positive = 2.0,
                          .beta_negative = 0.3,
                          .a_negative = 1.5};
  const PairLoss loss = pair_loss(s, r, indices({3, 4, 5, 0, 1, 2}), spec);
  const auto statistics = loss.statistics.to_host<double>();
  const auto similarity = s.to_host<double>();
  const auto tau = temperature(r, spec.range).to_host<double>();
  for (size_t head = 0; head < 2; ++head) {
    Moments positive_s, negative_s, positive_tau, negative_tau;
    double lowest = 1e9, highest = 0.0, at_bound = 0.0, logit = 0.0;
    for (size_t i = 0; i < 6; ++i)
      for (size_t j = 0; j < 6; ++j) {
        if (i == j) continue;
        const size_t at = (head * 6 + i) * 6 + j;
        const bool positive = j == (i + 3) % 6;
        (positive ? positive_s : negative_s).values.push_back(similarity[at]);
        (positive ? positive_tau : negative_tau).values.push_back(tau[at]);
        lowest = std::min(lowest, tau[at]);
        highest = std::max(highest, tau[at]);
        if (tau[at] - 0.05 <= 0.95e-3 || 1.0 - tau[at] <= 0.95e-3) at_bound += 1.0;
        const double beta = positive ? 0.1 : 0.3;
        const double a = positive ? 2.0 : 1.5;
        logit = std::max(
            logit, std::abs((similarity[at] - beta) / tau[at] - beta * a * std::log(tau[at])));
      }
    const double expected[kPairStatistics] = {positive_s.mean(),
                                              positive_s.deviation(),
                                              negative_s.mean(),
                                              negative_s.deviation(),
                                              positive_tau.mean(),
                                              positive_tau.deviation(),
                                              negative_tau.mean(),
                                              negative_tau.deviation(),
                                              lowest,
                                              highest,
                                              at_bound / 30.0,
                                              logit};
    CHECK(at_bound > 0.0);
    for (size_t k = 0; k < static_cast<size_t>(kPairStatistics); ++k) {
      INFO("head ", head, ", statistic ", k);
      CHECK(statistics[head * static_cast<size_t>(kPairStatistics) + k] ==
            doctest::Approx(expected[k]).epsilon(1e-6));
    }
  }
}

TEST_CASE("pair_loss: a constant temperature is reported as such") {
  const Tensor s = test::Rng(22).uniform(test::plain(), {1, 4, 4}, -1.0f, 1.0f);
  const PairLoss loss =
      pair_loss(s, {}, indices({2, 3, 0, 1}), {.adaptive = false, .temperature = 0.25});
  const auto statistics = loss.statistics.to_host<double>();
  CHECK(statistics[kPositiveTemperatureMean] == 0.25);
  CHECK(statistics[kPositiveTemperatureStd] == 0.0);
  CHECK(statistics[kNegativeTemperatureMean] == 0.25);
  CHECK(statistics[kNegativeTemperatureStd] == 0.0);
  CHECK(statistics[kTemperatureMin] == 0.25);
  CHECK(statistics[kTemperatureMax] == 0.25);
  CHECK(statistics[kTemperatureAtBound] == 0.0);
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
  const TapeScope scope;
  const Tensor s = tape::leaf(
      Tensor::from_host(test::plain(), {1, 1, 6}, std::span<const double>(similarity), DType::f64));
  PairLossSpec spec{.reducer = PairReducer::topk,
                    .topk = 2,
                    .self_offset = PairLossSpec::kNoSelf,
                    .adaptive = false,
                    .temperature = 1.0};
  tape::backward(sum(pair_loss(s, {}, indices({3}), spec).loss));
  CHECK(tape::gradient(s).to_host<double>() == std::vector<double>{0, 0.5, 0.5, -1, 0, 0});
}

TEST_CASE("pair_loss: the number of threads does not change a bit") {
  const int threads = compute_threads();
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends) {
    INFO(backend->name());
    std::vector<std::vector<double>> results;
    for (const int count : {1, 3}) {
      set_compute_threads(count);
      test::Rng rng(24);
      const TapeScope scope;
      const Tensor s = tape::leaf(rng.uniform(*backend, {2, 70, 70}, -1.0f, 1.0f, DType::f32));
      const Tensor r = rng.normal(*backend, {2, 70, 70}, DType::f32);
      std::vector<int32_t> positive(70);
      for (size_t i = 0; i < 70; ++i) positive[i] = static_cast<int32_t>((i + 35) % 70);
      const Tensor index = Tensor::from_host(*backend, {70}, std::span<const int32_t>(positive));
      const PairLoss loss = pair_loss(s, r, index, {});
      tape::backward(sum(loss.loss));
      std::vector<double> all = loss.loss.to_host<double>();
      for (const Tensor& part : {loss.statistics, tape::gradient(s)}) {
        const auto values = part.to_host<double>();
        all.insert(all.end(), values.begin(), values.end());
      }
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
  }
  set_compute_threads(threads);
}

}  // namespace
}  // namespace amcl
