// NT-Xent and AMCL-NT-Xent: identities, gradients, limits and refusals.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "models/objectives/amcl_nt_xent.h"
#include "models/objectives/nt_xent.h"
#include "models/objectives/objective_options.h"
#include "models/objectives/two_views.h"
#include "tests/models/loss_gradient.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kRows = 10;
constexpr int64_t kFeatures = 6;

Tensor projections(uint64_t seed, DType dtype = DType::f64) {
  return test::Rng(seed).normal(test::plain(), {kHeads, kRows, kFeatures}, dtype);
}

TemperatureNet make_net(const TemperatureNetOptions& options, DType dtype = DType::f64) {
  Initializer initializer(test::plain(), /*seed=*/9, dtype);
  return {initializer, kHeads, kFeatures, options};
}

AmclOptions constant(double temperature, double beta) {
  AmclOptions options;
  options.adaptive = false;
  options.temperature = temperature;
  options.beta = beta;
  return options;
}

double value(const Loss& loss) {
  return loss.total.item();
}

double omega(double tau, double a) {
  return a * std::log(tau) + 1.0 / tau;
}

TEST_CASE("amcl_ntxent: constant temperature without regulariser is NT-Xent, to the bit") {
  const Tensor z = projections(1);
  for (const bool with_positive : {true, false}) {
    AmclOptions options = constant(0.2, 0.0);
    options.with_positive = with_positive;
    CHECK(value(amcl_nt_xent(z, nullptr, options)) ==
          value(nt_xent(z, {.temperature = 0.2, .with_positive = with_positive})));
  }
}

TEST_CASE("amcl_ntxent: the most similar one of topk is hard") {
  const Tensor z = projections(2);
  TemperatureNet net = make_net({});
  AmclOptions options;
  options.with_positive = false;
  options.reducer = PairReducer::hard;
  const double hard = value(amcl_nt_xent(z, &net, options));
  options.reducer = PairReducer::topk;
  options.topk = 1;
  CHECK(value(amcl_nt_xent(z, &net, options)) == hard);
  options.topk = 2;
  CHECK(value(amcl_nt_xent(z, &net, options)) != hard);
}

TEST_CASE("amcl_ntxent: more than all candidates of topk is their mean") {
  const Tensor z = projections(3);
  AmclOptions options = constant(0.5, 0.0);
  options.reducer = PairReducer::topk;
  options.topk = kRows - 1;
  const double all = value(amcl_nt_xent(z, nullptr, options));
  options.topk = 1000;
  CHECK(value(amcl_nt_xent(z, nullptr, options)) == all);
}

TEST_CASE("amcl_ntxent: paired regularisers cancel where all temperatures are equal") {
  const Tensor z = projections(4);
  AmclOptions options = constant(0.3, 0.7);
  options.placement = OmegaPlacement::paired;
  CHECK(value(amcl_nt_xent(z, nullptr, options)) ==
        doctest::Approx(value(nt_xent(z, {.temperature = 0.3}))).epsilon(1e-12));
}

TEST_CASE("amcl_ntxent: the anchored regulariser adds beta Omega of the positives' temperatures") {
  const Tensor z = projections(5);
  TemperatureNet net = make_net({});
  AmclOptions options;
  options.beta = 0.4;
  options.a = 3.0;
  const double with = value(amcl_nt_xent(z, &net, options));
  options.beta = 0.0;
  const double without = value(amcl_nt_xent(z, &net, options));

  const Tensor u = l2_normalize(z);
  const auto tau = temperature(net.scores(u, u), options.range).to_host<double>();
  double expected = 0.0;
  for (int64_t head = 0; head < kHeads; ++head)
    for (int64_t i = 0; i < kRows; ++i) {
      const int64_t positive = (i + kRows / 2) % kRows;
      expected += omega(tau[static_cast<size_t>((head * kRows + i) * kRows + positive)], 3.0);
    }
  CHECK(with - without == doctest::Approx(0.4 * expected / kRows));
}

TEST_CASE("amcl_ntxent: heads are summed, and one head alone gives its share") {
  const Tensor z = projections(6);
  TemperatureNet net = make_net({});
  const Loss loss = amcl_nt_xent(z, &net, {});
  const auto per_head = loss.per_head.to_host<double>();
  CHECK(value(loss) == doctest::Approx(per_head[0] + per_head[1]));
  for (int64_t head = 0; head < kHeads; ++head)
    CHECK(value(amcl_nt_xent(z.slice(head, head + 1), &net, {})) ==
          doctest::Approx(per_head[static_cast<size_t>(head)]));
}

TEST_CASE("ntxent: the length of a row does not matter, a zero row is legal and gets no gradient") {
  const Tensor z = projections(7);
  CHECK(value(nt_xent(scale(z, 1000.0), {})) == doctest::Approx(value(nt_xent(z, {}))));

  auto values = z.to_host<double>();
  std::fill(values.begin(), values.begin() + kFeatures, 0.0);
  const TapeScope scope;
  const Tensor with_zero = tape::leaf(
      Tensor::from_host(test::plain(), z.shape(), std::span<const double>(values), DType::f64));
  const Loss loss = nt_xent(with_zero, {.temperature = 0.01});
  CHECK(std::isfinite(value(loss)));
  tape::backward(loss.total);
  const auto gradient = tape::gradient(with_zero).to_host<double>();
  for (size_t j = 0; j < gradient.size(); ++j) {
    CHECK(std::isfinite(gradient[j]));
    if (j < static_cast<size_t>(kFeatures)) CHECK(gradient[j] == 0.0);
  }
}

TEST_CASE("ntxent: the gradient agrees with differences") {
  const std::vector<Tensor> inputs = {projections(8)};
  for (const bool with_positive : {true, false})
    CHECK(test::gradient_error(
              [&](auto in) {
                return nt_xent(in[0], {.temperature = 0.2, .with_positive = with_positive});
              },
              inputs, {}, /*seed=*/1) < 1e-6);
}

TEST_CASE("amcl_ntxent: gradients to projections and net agree with differences") {
  const std::vector<Tensor> inputs = {projections(11)};
  for (const TemperatureNetKind kind : {TemperatureNetKind::dot, TemperatureNetKind::concat})
    for (const bool shared : {true, false})
      for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard})
        for (const OmegaPlacement placement : {OmegaPlacement::anchored, OmegaPlacement::paired})
          for (const bool with_positive : {true, false}) {
            AmclOptions options;
            options.reducer = reducer;
            options.topk = 3;
            options.placement = placement;
            options.with_positive = with_positive;
            options.beta_negative = 0.2;
            options.a_negative = 2.0;
            options.range.bias = 0.4;
            TemperatureNet net = make_net({.kind = kind, .hidden = 8, .shared = shared});
            INFO("kind ", static_cast<int>(kind), ", shared ", shared, ", reducer ",
                 static_cast<int>(reducer), ", placement ", static_cast<int>(placement),
                 ", with_positive ", with_positive);
            Parameter* const parameters[] = {&net.w1, &net.b1, &net.w2, &net.b2};
            CHECK(test::gradient_error([&](auto in) { return amcl_nt_xent(in[0], &net, options); },
                                       inputs, parameters, /*seed=*/2) < 1e-6);
          }
}

// A bias far out drives every temperature to a bound, where f32 is in the greatest danger.
TEST_CASE("amcl_ntxent: loss and gradients stay finite in f32 at the bounds 1e-5 and 2") {
  for (const AmclForm form : {AmclForm::table2, AmclForm::topk})
    for (const double bias : {-200.0, -30.0, 0.0, 30.0, 200.0}) {
      INFO(static_cast<int>(form), ", bias ", bias);
      AmclOptions options =
          contrastive_objective({.adaptive = true, .form = form}, "ntxent", 0.5).amcl;
      options.range.bias = bias;
      TemperatureNet net = make_net({}, DType::f32);
      const TapeScope scope;
      const Tensor z = tape::leaf(projections(12, DType::f32));
      const Loss loss = amcl_nt_xent(z, &net, options);
      tape::backward(loss.total);
      CHECK(std::isfinite(value(loss)));
      for (const double g : tape::gradient(z).to_host<double>()) CHECK(std::isfinite(g));
      for (const double g : net.w1.slot.gradient.to_host<double>()) CHECK(std::isfinite(g));
    }
}

TEST_CASE("amcl_ntxent: a projection that is not a number makes the loss not a number") {
  auto values = projections(13).to_host<double>();
  values[3] = std::numeric_limits<double>::quiet_NaN();
  const Tensor z = Tensor::from_host(test::plain(), {kHeads, kRows, kFeatures},
                                     std::span<const double>(values), DType::f64);
  TemperatureNet net = make_net({});
  for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard}) {
    AmclOptions options;
    options.reducer = reducer;
    CHECK(std::isnan(value(amcl_nt_xent(z, &net, options))));
  }
}

// Orthogonal rows and a net of zeros: all similarities and scores are 0.
TEST_CASE("two views: the chance level is the loss when nothing resembles anything") {
  const int64_t images = 3;
  const int64_t rows = 2 * images;
  std::vector<double> identity(static_cast<size_t>(rows * rows));
  for (int64_t i = 0; i < rows; ++i) identity[static_cast<size_t>(i * (rows + 1))] = 1.0;
  const Tensor z = Tensor::from_host(test::plain(), {1, rows, rows},
                                     std::span<const double>(identity), DType::f64);
  const auto zeros = [](const Shape& shape) {
    return Tensor::zeros(test::plain(), shape, DType::f64);
  };
  TemperatureNet net({}, zeros({1, 4, rows}), zeros({1, 4}), zeros({1, 2, 4}), zeros({1, 2}));
  CHECK(nt_xent_chance_level(1, images, {}) == doctest::Approx(std::log(5.0)));
  CHECK(nt_xent_chance_level(3, images, {}) == doctest::Approx(3.0 * std::log(5.0)));
  for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard})
    for (const OmegaPlacement placement : {OmegaPlacement::anchored, OmegaPlacement::paired})
      for (const bool with_positive : {true, false})
        for (const int64_t topk : {1, 3, 4, 100}) {
          AmclOptions options;
          options.reducer = reducer;
          options.topk = topk;
          options.placement = placement;
          options.with_positive = with_positive;
          options.beta_negative = 0.1;
          options.range.bias = 0.3;
          INFO("reducer ", static_cast<int>(reducer), ", placement ", static_cast<int>(placement),
               ", with_positive ", with_positive, ", topk ", topk);
          CHECK(amcl_nt_xent_chance_level(1, images, rows, options) ==
                doctest::Approx(value(amcl_nt_xent(z, &net, options))));
        }
}

TEST_CASE("two views: what cannot be is refused before any work") {
  const auto rows = [](int64_t count) {
    return Tensor::zeros(test::plain(), {1, count, 4}, DType::f64);
  };
  CHECK_THROWS_WITH_AS(nt_xent(rows(5), {}),
                       "ntxent: needs two views of N >= 2 images (there are no negatives "
                       "otherwise), got 5 rows",
                       Error);
  CHECK_THROWS_WITH_AS(nt_xent(rows(2), {}), doctest::Contains("got 2 rows"), Error);
  CHECK_THROWS_WITH_AS(nt_xent(Tensor::zeros(test::plain(), {4, 4}, DType::f64), {}),
                       "ntxent: z must be [heads, 2N, d], got [4, 4]", Error);
  CHECK_THROWS_WITH_AS(nt_xent(rows(4), {.temperature = 0.0}),
                       "ntxent: the temperature must be positive, got 0", Error);

  TemperatureNet net = make_net({});
  const auto refused = [&](const char* message, auto change, int64_t count = 4) {
    AmclOptions options;
    change(options);
    CHECK_THROWS_WITH_AS(amcl_nt_xent(rows(count), options.adaptive ? &net : nullptr, options),
                         doctest::Contains(message), Error);
  };
  refused(
      "amcl_ntxent: needs two views of N >= 2 images", [](AmclOptions&) {}, 7);
  refused("must satisfy 0 < low < high, got low = 0 and high = 1",
          [](AmclOptions& options) { options.range.low = 0.0; });
  refused("must satisfy 0 < low < high, got low = 1 and high = 1",
          [](AmclOptions& options) { options.range.low = 1.0; });
  refused("the temperature must be positive, got -0.1", [](AmclOptions& options) {
    options.adaptive = false;
    options.temperature = -0.1;
  });
  refused("topk must be at least 1, got 0", [](AmclOptions& options) {
    options.reducer = PairReducer::topk;
    options.topk = 0;
  });
  refused("beta must not be negative, got -1", [](AmclOptions& options) { options.beta = -1.0; });
  refused("beta_negative must not be negative, got -2",
          [](AmclOptions& options) { options.beta_negative = -2.0; });
  refused("the temperature net takes", [](AmclOptions&) {});
  CHECK_THROWS_WITH_AS(amcl_nt_xent(rows(4), nullptr, {}),
                       "amcl_ntxent: an adaptive temperature needs a temperature net", Error);
  CHECK_THROWS_WITH_AS(amcl_nt_xent(rows(4), &net, constant(0.5, 0.0)),
                       doctest::Contains("has no use for a temperature net"), Error);
}

}  // namespace
}  // namespace amcl
