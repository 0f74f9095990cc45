// InfoNCE with a queue, SimSiam, Barlow Twins and their AMCL forms: identities, gradients, refusals.
#include <doctest/doctest.h>

#include <cmath>

#include "models/objectives/amcl_barlow.h"
#include "models/objectives/amcl_moco.h"
#include "models/objectives/amcl_simsiam.h"
#include "models/objectives/info_nce_queue.h"
#include "models/objectives/simsiam.h"
#include "tests/models/loss_gradient.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kImages = 5;
constexpr int64_t kFeatures = 4;
constexpr int64_t kKeys = 7;

Tensor normal(uint64_t seed, const Shape& shape = {kHeads, kImages, kFeatures}) {
  return test::Rng(seed).normal(test::plain(), shape);
}

Tensor queue_of(int64_t keys, uint64_t seed = 3) {
  return l2_normalize(normal(seed, {kHeads, keys, kFeatures}));
}

TemperatureNet make_net(int64_t features, const TemperatureNetOptions& options = {.hidden = 6}) {
  Initializer initializer(test::plain(), /*seed=*/9, DType::f64);
  return {initializer, kHeads, features, options};
}

AmclOptions constant(double temperature) {
  AmclOptions options;
  options.adaptive = false;
  options.temperature = temperature;
  options.beta = 0.0;
  return options;
}

double value(const Loss& loss) {
  return loss.total.item();
}

TEST_CASE("queue: constant temperature without regulariser is InfoNCE, to the bit") {
  const Tensor q = normal(1);
  const Tensor k = normal(2);
  for (const bool with_positive : {true, false}) {
    AmclOptions options = constant(0.1);
    options.with_positive = with_positive;
    CHECK(value(amcl_moco(q, k, queue_of(kKeys), nullptr, options)) ==
          value(info_nce_queue(q, k, queue_of(kKeys),
                               {.temperature = 0.1, .with_positive = with_positive})));
  }
}

TEST_CASE("queue: the decoupled form leaves the positive out of the denominator") {
  // One feature, so that every similarity is 1 or -1: the query like its key and two of three in the queue.
  const auto rows = [](const std::vector<double>& values) {
    return Tensor::from_host<double>(test::plain(), {1, std::ssize(values), 1}, values);
  };
  const Loss loss = info_nce_queue(rows({2.0}), rows({3.0}), rows({1.0, 1.0, -1.0}),
                                   {.temperature = 0.5, .with_positive = false});
  CHECK(value(loss) == doctest::Approx(std::log(2.0 * std::exp(2.0) + std::exp(-2.0)) - 2.0));
}

TEST_CASE("queue: one image is legal; keys and queue receive no gradient") {
  const TapeScope scope;
  const Tensor q = tape::leaf(normal(1, {1, 1, kFeatures}));
  const Tensor k = tape::leaf(normal(2, {1, 1, kFeatures}));
  const Tensor queue = tape::leaf(queue_of(kKeys).slice(0, 1));
  TemperatureNet net = make_net(kFeatures);
  tape::backward(add(info_nce_queue(q, k, queue, {.temperature = 0.1}).total,
                     amcl_moco(q, k, queue, &net, {}).total));
  CHECK(tape::gradient(q).defined());
  CHECK_FALSE(tape::gradient(k).defined());
  CHECK_FALSE(tape::gradient(queue).defined());
}

TEST_CASE("simsiam: temperature 1 without regulariser is the plain form, equal views give -1") {
  const Tensor p = normal(1);
  const Tensor z = normal(2);
  CHECK(value(simsiam(p, p, p, p)) == doctest::Approx(-kHeads));
  CHECK(value(amcl_simsiam(p, z, z, p, nullptr, constant(1.0))) ==
        doctest::Approx(value(simsiam(p, z, z, p))));
}

TEST_CASE("barlow: temperature 1 without regulariser is the plain form, equal views have fit 0") {
  const Tensor x = normal(1);
  const Tensor y = normal(2);
  for (const BarlowFit fit : {BarlowFit::outside, BarlowFit::inside})
    CHECK(value(amcl_barlow(x, y, {.fit = fit, .amcl = constant(1.0)})) ==
          doctest::Approx(value(barlow(x, y, {}))));
  CHECK(value(barlow(x, x, {.lambda = 0.0})) < 1e-4);
}

TEST_CASE("other objectives: gradients agree with differences") {
  const Tensor k = normal(2);
  const Tensor queue = queue_of(kKeys);
  const Tensor z1 = normal(4);
  const Tensor z2 = normal(5);
  const std::vector<Tensor> one = {normal(1)};
  const std::vector<Tensor> two = {normal(1), normal(6)};
  const auto check = [](const char* name, const test::LossFunction& loss,
                        std::span<const Tensor> inputs,
                        std::span<Parameter* const> parameters = {}) {
    INFO(std::string(name));
    CHECK(test::gradient_error(loss, inputs, parameters, /*seed=*/4) < 1e-6);
  };
  for (const bool with_positive : {true, false})
    check(
        "infonce_queue",
        [&](auto in) {
          return info_nce_queue(in[0], k, queue,
                                {.temperature = 0.2, .with_positive = with_positive});
        },
        one);
  check(
      "simsiam", [&](auto in) { return simsiam(in[0], z1, in[1], z2); }, two);
  check(
      "barlow", [](auto in) { return barlow(in[0], in[1], {.ddof = 1}); }, two);
  for (const TemperatureNetKind kind : {TemperatureNetKind::dot, TemperatureNetKind::concat}) {
    TemperatureNet net = make_net(kFeatures, {.kind = kind, .hidden = 6, .shared = false});
    Parameter* const parameters[] = {&net.w1, &net.b1, &net.w2, &net.b2};
    check(
        "amcl_moco", [&](auto in) { return amcl_moco(in[0], k, queue, &net, {}); }, one,
        parameters);
    check(
        "amcl_simsiam", [&](auto in) { return amcl_simsiam(in[0], z1, in[1], z2, &net, {}); }, two,
        parameters);
  }
  for (const BarlowFit fit : {BarlowFit::outside, BarlowFit::inside}) {
    AmclBarlowOptions options{.fit = fit};
    options.amcl.beta_negative = 0.01;
    TemperatureNet net = make_net(kImages);
    Parameter* const parameters[] = {&net.w1, &net.b1, &net.w2, &net.b2};
    check(
        "amcl_barlow, columns", [&](auto in) { return amcl_barlow(in[0], in[1], net, options); },
        two, parameters);
    Initializer initializer(test::plain(), /*seed=*/2, DType::f64);
    CorrelationScore score(initializer);
    Parameter* const scalars[] = {&score.gain, &score.offset};
    check(
        "amcl_barlow, correlation",
        [&](auto in) { return amcl_barlow(in[0], in[1], score, options); }, two, scalars);
  }
}

TEST_CASE("other objectives: what cannot be is refused") {
  const Tensor q = normal(1);
  const Tensor k = normal(2);
  const Tensor empty = Tensor::zeros(test::plain(), {kHeads, 0, kFeatures}, DType::f64);
  TemperatureNet net = make_net(kFeatures);
  CHECK_THROWS_WITH_AS(info_nce_queue(q, k, empty, {.temperature = 0.1}),
                       "infonce_queue: the queue is empty, it must hold K >= 1 keys", Error);
  CHECK_THROWS_WITH_AS(amcl_moco(q, k, empty, &net, {}), doctest::Contains("queue is empty"),
                       Error);
  CHECK_THROWS_WITH_AS(info_nce_queue(q, k.slice(0, 1), queue_of(3), {.temperature = 0.1}),
                       doctest::Contains("keys must be [2, 5, 4] as the queries, got [1, 5, 4]"),
                       Error);
  CHECK_THROWS_WITH_AS(info_nce_queue(q, k, queue_of(3).slice(0, 1), {.temperature = 0.1}),
                       doctest::Contains("the queue must be [2, K, 4]"), Error);
  CHECK_THROWS_WITH_AS(info_nce_queue(q, k, queue_of(3), {.temperature = 0.0}),
                       doctest::Contains("temperature must be positive"), Error);
  CHECK_THROWS_WITH_AS(simsiam(q, k, q, k.slice(0, 1)),
                       doctest::Contains("both views must be [2, 5, 4]"), Error);
  CHECK_THROWS_WITH_AS(amcl_simsiam(q, k, q, k, nullptr, {}),
                       doctest::Contains("needs a temperature net"), Error);

  const Tensor single = normal(3, {kHeads, 1, kFeatures});
  CHECK_THROWS_WITH_AS(barlow(single, single, {}), doctest::Contains("N >= 2"), Error);
  CHECK_THROWS_WITH_AS(barlow(q, single, {}), doctest::Contains("y must be [2, 5, 4] as x"), Error);
  TemperatureNet columns = make_net(kImages + 1);
  CHECK_THROWS_WITH_AS(amcl_barlow(q, k, columns, {}),
                       doctest::Contains("reads columns of 6 rows, got a batch of 5"), Error);
  AmclBarlowOptions reversed;
  reversed.amcl.range = {.low = 2.0, .high = 0.5};
  TemperatureNet fitting = make_net(kImages);
  CHECK_THROWS_WITH_AS(amcl_barlow(q, k, fitting, reversed),
                       doctest::Contains("must satisfy 0 < low < high"), Error);
}

}  // namespace
}  // namespace amcl
