// Kernels that are there because a step reads nothing back, on the emulated GPU: the gate of updates,
// indices, statistics of values.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/cuda/emulated_pair.h"

namespace amcl {
namespace {

using test::EmulatedPair;
using test::Twin;

TEST_CASE("cuda kernels: a loss that is not finite closes the gate, and nothing moves behind it") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    EmulatedPair pair(dtype, 4);
    Backend& on = pair.emulated();
    const std::vector<OptimizerSegment> segments{{.begin = 0, .end = 300}};
    const Tensor gradient = pair.normal({300}).got;
    const Tensor squares = pair.statistic({4.0}).got;
    const Tensor rate = pair.statistic({0.5}).got;
    const Tensor number = pair.statistic({3}).got;
    const Tensor added = pair.normal({1, 2, 2}).got;
    Tensor value = pair.normal({300}).got;
    std::array memories{pair.normal({300}).got, pair.positive_statistic({300}).got};
    Tensor ring = pair.normal({1, 3, 2}).got;
    Tensor head = pair.index({2}).got;
    Tensor scale = pair.statistic({1.0}).got;
    const auto state = [&] {
      std::vector<std::vector<double>> values;
      for (const Tensor& one : {value, memories[0], memories[1], ring, head})
        values.push_back(one.to_host<double>());
      return values;
    };
    const auto before = state();
    // A later step with a good loss is not taken either.
    for (const double loss : {std::numeric_limits<double>::infinity(), 1.0}) {
      on.clip_scale(squares, pair.statistic({loss}).got, 1.0, scale);
      CHECK(std::isnan(scale.item()));
      for (const OptimizerRule& rule :
           std::vector<OptimizerRule>{SgdSpec{}, LarsSpec{}, AdamWSpec{}})
        on.optimizer_step(rule, segments, rate, scale, number, gradient, value, memories);
      on.write_ring(added, scale, ring, head);
      CHECK(state() == before);
    }
    on.fill(scale, 1.0);
    on.optimizer_step(SgdSpec{}, segments, rate, scale, number, gradient, value, memories);
    on.write_ring(added, scale, ring, head);
    CHECK(value.to_host<double>() != before[0]);
    CHECK(ring.to_host<double>() != before[3]);
    CHECK(head.item() == 1);
  }
}

TEST_CASE("cuda kernels: indices, and statistics of values over more than one part") {
  EmulatedPair pair(DType::f32, 5);
  for (const int64_t count : {1, 300}) {
    Twin index = pair.empty_index({count});
    pair.run([&](Backend& on, auto side) { on.rolled_index(count / 2 + 7, side(index)); });
    CHECK(index.got.to_host<int32_t>() == index.want.to_host<int32_t>());
  }
  for (const int64_t negatives : {0, 5, 9000}) {
    Twin s = pair.normal({2, 33});
    Twin tau = pair.positive_statistic({2, 33});
    Twin s_all = negatives > 0 ? pair.normal({2, negatives + 33}) : Twin{};
    Twin tau_all = negatives > 0 ? pair.positive_statistic({2, negatives + 33}) : Twin{};
    Twin statistics = pair.empty_report({2, kPairStatistics});
    pair.run([&](Backend& on, auto side) {
      on.pair_value_statistics(side(s), side(tau), side(s_all), side(tau_all),
                               {.low = 0.5, .high = 2.0}, side(statistics));
    });
    const std::vector<double> got = statistics.got.to_host<double>();
    const std::vector<double> want = statistics.want.to_host<double>();
    for (size_t i = 0; i < want.size(); ++i) {
      CHECK(std::isnan(got[i]) == std::isnan(want[i]));
      if (!std::isnan(want[i]))
        CHECK_MESSAGE(got[i] == doctest::Approx(want[i]).epsilon(1e-5), "statistic ", i);
    }
  }
}

}  // namespace
}  // namespace amcl
