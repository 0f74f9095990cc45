#include "models/temperature_net.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kFeatures = 5;

TemperatureNet make(const TemperatureNetOptions& options, uint64_t seed = 3) {
  Initializer initializer(test::plain(), seed, DType::f64);
  return {initializer, kHeads, kFeatures, options};
}

Tensor unit_rows(int64_t rows, uint64_t seed) {
  return l2_normalize(test::Rng(seed).normal(test::plain(), {kHeads, rows, kFeatures}));
}

// The score of one pair by spec S3.1, from the parameters of one head.
struct DirectScore {
  std::vector<double> w1, b1, w2, b2;
  size_t hidden, output;
  double score_scale;

  // `part`: where in the rows of W1 the features begin.
  std::vector<double> hidden_sums(const double* u, size_t width, size_t part) const {
    std::vector<double> sums(hidden);
    for (size_t k = 0; k < hidden; ++k)
      for (size_t j = 0; j < static_cast<size_t>(kFeatures); ++j)
        sums[k] += w1[k * width + part + j] * u[j];
    return sums;
  }
  double dot(const double* u, const double* v) const {
    const auto embed = [&](const double* x) {
      std::vector<double> h = hidden_sums(x, static_cast<size_t>(kFeatures), 0);
      std::vector<double> p = b2;
      for (size_t e = 0; e < output; ++e)
        for (size_t k = 0; k < hidden; ++k)
          p[e] += w2[e * hidden + k] * std::max(0.0, h[k] + b1[k]);
      return p;
    };
    const auto p = embed(u);
    const auto q = embed(v);
    double sum = 0.0;
    for (size_t e = 0; e < output; ++e) sum += p[e] * q[e];
    return score_scale * sum;
  }
  double concat(const double* u, const double* v) const {
    const auto a = hidden_sums(u, 2 * static_cast<size_t>(kFeatures), 0);
    const auto b =
        hidden_sums(v, 2 * static_cast<size_t>(kFeatures), static_cast<size_t>(kFeatures));
    double sum = b2[0];
    for (size_t k = 0; k < hidden; ++k) sum += w2[k] * std::max(0.0, a[k] + b[k] + b1[k]);
    return sum;
  }
};

DirectScore direct(const TemperatureNet& net, int64_t head) {
  const auto part = [&](const Parameter& parameter) {
    const auto all = parameter.value.to_host<double>();
    const int64_t nets = net.options().shared ? 1 : kHeads;
    const auto size = static_cast<int64_t>(all.size()) / nets;
    const int64_t begin = net.options().shared ? 0 : head * size;
    return std::vector<double>(all.begin() + begin, all.begin() + begin + size);
  };
  const bool dot = net.options().kind == TemperatureNetKind::dot;
  return {.w1 = part(net.w1),
          .b1 = part(net.b1),
          .w2 = part(net.w2),
          .b2 = part(net.b2),
          .hidden = static_cast<size_t>(net.options().hidden),
          .output = dot ? static_cast<size_t>(net.options().output) : 1,
          .score_scale = net.options().score_scale};
}

std::vector<TemperatureNetOptions> all_forms() {
  std::vector<TemperatureNetOptions> forms;
  for (const TemperatureNetKind kind : {TemperatureNetKind::dot, TemperatureNetKind::concat})
    for (const bool shared : {true, false})
      forms.push_back(
          {.kind = kind, .hidden = 7, .output = 4, .shared = shared, .score_scale = 1.5});
  return forms;
}

TEST_CASE("temperature net: scores follow the formula, of all pairs and of aligned ones") {
  const Tensor u = unit_rows(3, 1);
  const Tensor v = unit_rows(3, 2);
  for (const TemperatureNetOptions& options : all_forms()) {
    const bool dot = options.kind == TemperatureNetKind::dot;
    INFO("dot ", dot, ", shared ", options.shared);
    TemperatureNet net = make(options);
    const auto scores = net.scores(u, v).to_host<double>();
    const auto aligned = net.aligned_scores(u, v).to_host<double>();
    const auto anchors = u.to_host<double>();
    const auto candidates = v.to_host<double>();
    for (int64_t head = 0; head < kHeads; ++head) {
      const DirectScore expected = direct(net, head);
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 3; ++j) {
          const double* a = &anchors[static_cast<size_t>((head * 3 + i) * kFeatures)];
          const double* b = &candidates[static_cast<size_t>((head * 3 + j) * kFeatures)];
          const double want = dot ? expected.dot(a, b) : expected.concat(a, b);
          CHECK(scores[static_cast<size_t>((head * 3 + i) * 3 + j)] == doctest::Approx(want));
          if (i == j) CHECK(aligned[static_cast<size_t>(head * 3 + i)] == doctest::Approx(want));
        }
    }
  }
}

TEST_CASE("temperature net: while temperatures warm up a share of each score counts") {
  const Tensor u = unit_rows(3, 1);
  const Tensor v = unit_rows(3, 2);
  for (const TemperatureNetOptions& options : all_forms()) {
    TemperatureNet net = make(options);
    const Tensor all = net.scores(u, v);
    const Tensor aligned = net.aligned_scores(u, v);
    for (const double share : {0.0, 0.3, 1.0}) {
      net.set_temperature_warmup(share);
      CHECK(test::difference(net.scores(u, v), scale(all, share), 1e-14) == "");
      CHECK(test::difference(net.aligned_scores(u, v), scale(aligned, share), 1e-14) == "");
    }
  }
}

TEST_CASE("temperature net: a batch with itself gives what two copies of it give") {
  const Tensor u = unit_rows(4, 5);
  Tensor copy = Tensor::empty_like(u);
  copy.device().copy(copy.raw(), u.raw(), u.bytes());
  for (const TemperatureNetOptions& options : all_forms()) {
    TemperatureNet net = make(options);
    CHECK(test::difference(net.scores(u, u), net.scores(u, copy), 1e-14) == "");
  }
}

TEST_CASE("temperature net: detach stops the gradient to the features, not to the parameters") {
  for (TemperatureNetOptions options : all_forms())
    for (const bool detach : {false, true}) {
      options.detach = detach;
      TemperatureNet net = make(options);
      const TapeScope scope;
      const Tensor u = tape::leaf(unit_rows(3, 1));
      tape::backward(sum(net.scores(u, u)));
      CHECK(tape::gradient(u).defined() == !detach);
      for (const Parameter* parameter : {&net.w1, &net.b1, &net.w2, &net.b2})
        CHECK(parameter->slot.written);
    }
}

TEST_CASE("temperature net: parameters start uniform in 1/sqrt(fan_in), the last layer too") {
  TemperatureNet dot = make({.hidden = 16});
  TemperatureNet concat = make({.kind = TemperatureNetKind::concat, .hidden = 16});
  CHECK(dot.w1.value.shape() == Shape{16, kFeatures});
  CHECK(dot.w2.value.shape() == Shape{kFeatures, 16});
  CHECK(concat.w1.value.shape() == Shape{16, 2 * kFeatures});
  CHECK(concat.w2.value.shape() == Shape{1, 16});
  const auto check_bound = [](const Parameter& parameter, double fan_in) {
    double largest = 0.0;
    for (const double value : parameter.value.to_host<double>())
      largest = std::max(largest, std::abs(value));
    CHECK(largest <= 1.0 / std::sqrt(fan_in));
    CHECK(largest > 0.0);
  };
  for (const TemperatureNet* net : {&dot, &concat}) {
    const double width = net == &dot ? kFeatures : 2 * kFeatures;
    check_bound(net->w1, width);
    check_bound(net->b1, width);
    check_bound(net->w2, 16);
    check_bound(net->b2, 16);
  }
  CHECK(test::difference(make({.hidden = 16}, 3).w1.value, dot.w1.value, 0.0) == "");
  CHECK(test::difference(make({.hidden = 16}, 4).w1.value, dot.w1.value, 0.0) != "");
}

TEST_CASE("temperature net: one net per head is stacked, its names hold a star") {
  for (const bool shared : {true, false}) {
    TemperatureNet net = make({.hidden = 3, .shared = shared});
    std::map<std::string, bool> stacked;
    net.visit("temperature_net", {.parameter =
                                      [&](const std::string& name, Parameter& parameter) {
                                        stacked[name] = parameter.stacked;
                                        CHECK(parameter.role == ParameterRole::temperature);
                                      },
                                  .buffer = {}});
    const std::string place = shared ? "temperature_net." : "temperature_net.*.";
    CHECK(stacked == std::map<std::string, bool>{{place + "w1", !shared},
                                                 {place + "b1", !shared},
                                                 {place + "w2", !shared},
                                                 {place + "b2", !shared}});
  }
}

TEST_CASE("temperature net: rows of another width or head count are refused") {
  TemperatureNet shared = make({});
  TemperatureNet per_head = make({.shared = false});
  const Tensor u = unit_rows(3, 1);
  const Tensor wide = Tensor::zeros(test::plain(), {kHeads, 3, kFeatures + 1}, DType::f64);
  const Tensor heads = Tensor::zeros(test::plain(), {kHeads + 1, 3, kFeatures}, DType::f64);
  CHECK_THROWS_WITH_AS(shared.scores(u, wide),
                       doctest::Contains("takes [heads, rows, 5], got anchors [2, 3, 5] and "
                                         "candidates [2, 3, 6]"),
                       Error);
  CHECK_THROWS_WITH_AS(per_head.scores(heads, heads), doctest::Contains("takes [2, rows, 5]"),
                       Error);
  CHECK_THROWS_WITH_AS(shared.aligned_scores(u, unit_rows(4, 1)),
                       doctest::Contains("must have the same rows"), Error);
  const auto zeros = [](const Shape& shape) {
    return Tensor::zeros(test::plain(), shape, DType::f64);
  };
  CHECK_THROWS_WITH_AS(
      TemperatureNet({}, zeros({1, 3, 5}), zeros({1, 4}), zeros({1, 2, 3}), zeros({1, 2})),
      doctest::Contains("b1 [1, 4], w2 [1, 2, 3] and b2 [1, 2] do not fit"), Error);
}

}  // namespace
}  // namespace amcl
