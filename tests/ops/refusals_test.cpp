// Every op refuses what it cannot compute, in one line that names the op, the rule and the shapes.
#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

Tensor f32(const Shape& shape) {
  return test::Rng(1).normal(test::plain(), shape, DType::f32);
}

Tensor i32(const Shape& shape) {
  return Tensor::zeros(test::plain(), shape, DType::i32);
}

// Checks that `call` throws Error(usage) with `message`, in one line.
void refuses(const std::string& message, const std::function<void()>& call) {
  try {
    call();
    FAIL_CHECK("nothing was thrown; expected: " << message);
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == message);
    CHECK(error.kind() == ErrorKind::usage);
  }
}

TEST_CASE("binary ops refuse shapes that do not broadcast, by name and shape") {
  const std::string rule =
      ": b must be shaped as a, hold one element, or be [n] or [B, n] for a [B, M, n]; a is "
      "[2, 3, 4], b is [3]";
  refuses("add" + rule, [] { add(f32({2, 3, 4}), f32({3})); });
  refuses("subtract" + rule, [] { subtract(f32({2, 3, 4}), f32({3})); });
  refuses("multiply" + rule, [] { multiply(f32({2, 3, 4}), f32({3})); });
}

TEST_CASE("binary ops refuse mixed types instead of promoting") {
  refuses("add: a [2] is f32 but b [2] is f64; use cast",
          [] { add(f32({2}), Tensor::zeros(test::plain(), {2}, DType::f64)); });
}

TEST_CASE("unary ops refuse integers") {
  using Unary = Tensor (*)(const Tensor&);
  struct Named {
    const char* op;
    Unary function;
  };
  for (const Named& named : {Named{"relu", relu}, Named{"exp", exp}, Named{"log", log},
                             Named{"sigmoid", sigmoid}, Named{"reciprocal", reciprocal},
                             Named{"square", square}, Named{"sum", sum}, Named{"mean", mean}})
    refuses(concat_text(named.op, ": x must be f64, f32 or bf16, got i32 [3, 2]"), [&] {
      named.function(i32({3, 2}));
    });
  refuses("affine: x must be f64, f32 or bf16, got i32 [2]", [] { affine(i32({2}), 2.0, 1.0); });
  refuses("scale: x must be f64, f32 or bf16, got i32 [2]", [] { scale(i32({2}), 2.0); });
  refuses("relu: x was never given a value", [] { relu(Tensor{}); });
}

TEST_CASE("cast refuses integers") {
  refuses("cast: to f64, f32 or bf16 only, asked for i32 of x [2]",
          [] { cast(f32({2}), DType::i32); });
}

TEST_CASE("temperature refuses a range that is not positive and ascending") {
  for (const double low : {0.0, 0.5, std::numeric_limits<double>::quiet_NaN()})
    refuses(concat_text("temperature: needs 0 < low < high, got low = ", low,
                        ", high = 0.5 for scores [2, 3]"),
            [&] {
              temperature(f32({2, 3}), {.low = low, .high = 0.5});
            });
}

TEST_CASE("reductions refuse tensors without elements or axes") {
  refuses("mean: x has no elements, its shape is [0, 3]", [] { mean(f32({0, 3})); });
  refuses("sum_rows: x must be [..., n], got []", [] { sum_rows(f32({})); });
  refuses("mean_rows: x must be [..., n], got []", [] { mean_rows(f32({})); });
}

TEST_CASE("matmul refuses extents that do not fit") {
  refuses("matmul: inner extents differ: a [2, 3] has 3, b [4, 3] has 4", [] {
    matmul(f32({2, 3}), f32({4, 3}));
  });
  refuses("matmul: inner extents differ: a [2, 3] transposed has 2, b [4, 3] transposed has 3", [] {
    matmul(f32({2, 3}), f32({4, 3}), {.trans_a = true, .trans_b = true});
  });
  refuses("matmul: batch extents differ: a [2, 3, 4], b [3, 4, 5]", [] {
    matmul(f32({2, 3, 4}), f32({3, 4, 5}));
  });
  refuses("matmul: each side must be [m, k] or [B, m, k], a is [3], b is [3, 4]", [] {
    matmul(f32({3}), f32({3, 4}));
  });
}

TEST_CASE("linear refuses weights and biases of another width") {
  refuses(
      "linear: needs x [M, in] or [C, M, in] and w [out, in] or [C, out, in], got x [2, 3] and "
      "w [4, 5]",
      [] {
        linear(f32({2, 3}), f32({4, 5}), Tensor{});
      });
  refuses(
      "linear: the bias must be [4] or one row per head to match w [4, 3] and x [2, 3], got [3]",
      [] {
        linear(f32({2, 3}), f32({4, 3}), f32({3}));
      });
}

TEST_CASE("conv2d refuses filters that do not fit") {
  refuses(
      "conv2d: x has 64 channels but the filter expects 32: x [2, 4, 4, 64], w [8, 3, 3, 32] as "
      "[K, R, S, C]",
      [] {
        conv2d(f32({2, 4, 4, 64}), f32({8, 3, 3, 32}), {});
      });
  refuses("conv2d: the filter [8, 7, 7, 3] is larger than the image [2, 4, 4, 3] with padding 1",
          [] {
            conv2d(f32({2, 4, 4, 3}), f32({8, 7, 7, 3}), {.padding = 1});
          });
  refuses("conv2d: stride must be at least 1 and padding at least 0, got stride 0, padding 0", [] {
    conv2d(f32({2, 4, 4, 3}), f32({8, 3, 3, 3}), {.stride = 0});
  });
  refuses("conv2d: needs x [N, H, W, C] and w [K, R, S, C], got x [4, 3], w [8, 3, 3, 3]", [] {
    conv2d(f32({4, 3}), f32({8, 3, 3, 3}), {});
  });
}

TEST_CASE("pools refuse windows that do not fit") {
  refuses("max_pool: x must be [N, H, W, C], got [4, 4]", [] { max_pool(f32({4, 4}), {}); });
  refuses("max_pool: kernel and stride must be at least 1, got kernel 2, stride 0", [] {
    max_pool(f32({1, 4, 4, 1}), {.stride = 0});
  });
  refuses("max_pool: padding must be at most half the kernel, got padding 2, kernel 3", [] {
    max_pool(f32({1, 4, 4, 1}), {.kernel = 3, .padding = 2});
  });
  refuses("max_pool: kernel 3 is larger than the image [1, 2, 4, 1] with padding 0", [] {
    max_pool(f32({1, 2, 4, 1}), {.kernel = 3});
  });
  refuses("global_average_pool: x must be [N, H, W, C] with at least one place, got [4, 4]", [] {
    global_average_pool(f32({4, 4}));
  });
}

TEST_CASE("batch_norm refuses parameters, residuals and groups that do not fit") {
  RunningStatistics running{.mean = f32({8}), .variance = f32({8})};
  const Tensor x = f32({2, 4, 4, 8});
  const auto norm = [&](const Tensor& gamma, const BatchNormSpec& spec, const Tensor& residual) {
    batch_norm(x, gamma, f32({8}), running, Phase::train, spec, residual);
  };
  refuses("batch_norm: gamma must be [8] to match x [2, 4, 4, 8], got [7]",
          [&] { norm(f32({7}), {}, Tensor{}); });
  refuses("batch_norm: x [2, 4, 4, 8] is f32, so gamma must be f32, got f64",
          [&] { norm(Tensor::zeros(test::plain(), {8}, DType::f64), {}, Tensor{}); });
  refuses("batch_norm: the residual must be shaped as x [2, 4, 4, 8], got [2, 4, 4, 7]", [&] {
    norm(f32({8}), {}, f32({2, 4, 4, 7}));
  });
  refuses(
      "batch_norm: the 2 entries of axis 0 of x [2, 4, 4, 8] cannot be split into 3 equal groups",
      [&] { norm(f32({8}), {.groups = 3}, Tensor{}); });
  refuses("batch_norm: x must be [..., C] of rank 2 to 4, got [8]",
          [&] { batch_norm(f32({8}), f32({8}), f32({8}), running, Phase::eval); });
  refuses("batch_norm: each group needs at least 2 values per channel, x is [2, 8] in groups of 1",
          [&] {
            batch_norm(f32({2, 8}), f32({8}), f32({8}), running, Phase::train, {.groups = 2});
          });
  RunningStatistics narrow{.mean = f32({7}), .variance = f32({8})};
  refuses("batch_norm: the running mean must be [8] to match x [2, 4, 4, 8], got [7]",
          [&] { batch_norm(x, f32({8}), f32({8}), narrow, Phase::eval); });
  RunningStatistics heads{.mean = f32({2, 8}), .variance = f32({2, 8})};
  const Tensor z = f32({2, 4, 8});
  refuses("batch_norm: gamma must be [2, 8] to match x [2, 4, 8], got [3, 8]", [&] {
    batch_norm(z, f32({3, 8}), f32({2, 8}), heads, Phase::train);
  });
  refuses("batch_norm: the 4 entries of axis 1 of x [2, 4, 8] cannot be split into 3 equal groups",
          [&] {
            batch_norm(z, f32({2, 8}), f32({2, 8}), heads, Phase::train, {.groups = 3});
          });
}

TEST_CASE("row ops refuse what has no rows of their kind") {
  refuses("l2_normalize: x must be rows [..., d], got []", [] { l2_normalize(f32({})); });
  refuses("row_dot: a and b must have one shape, got [2, 3] and [3, 2]", [] {
    row_dot(f32({2, 3}), f32({3, 2}));
  });
  refuses("log_sum_exp: x must be rows [..., d], got [2, 0]", [] { log_sum_exp(f32({2, 0})); });
  refuses("log_softmax: x must be f32 or f64, got i32", [] { log_softmax(i32({2, 3})); });
  refuses("cross_entropy: target must be i32 [4] to match logits [4, 3], got i32 [3]", [] {
    cross_entropy(f32({4, 3}), i32({3}));
  });
  refuses("standardize_columns: x must be [heads, N, d], got [4, 3]", [] {
    standardize_columns(f32({4, 3}), 0, 1e-5);
  });
  refuses("standardize_columns: the divisor N - ddof must be at least 1, got N = 1 and ddof = 1",
          [] {
            standardize_columns(f32({2, 1, 3}), 1, 1e-5);
          });
}

TEST_CASE("shape ops refuse parts and counts that do not fit") {
  refuses("reshape: [2, 3] has 6 elements, [4] needs 4", [] { reshape(f32({2, 3}), {4}); });
  refuses("transpose: x must be [m, n] or [B, m, n], got [3]", [] { transpose(f32({3})); });
  refuses("slice: [1, 4) is not a part of axis 0 of x [3, 2]", [] { slice(f32({3, 2}), 0, 1, 4); });
  refuses("slice: there is no axis 2 in x [3, 2]", [] { slice(f32({3, 2}), 2, 0, 1); });
  refuses("concat: parts must agree in all extents but axis 0, got [2, 3] and [2, 4]", [] {
    concat(std::vector{f32({2, 3}), f32({2, 4})}, 0);
  });
  refuses("concat: needs at least one part", [] { concat({}, 0); });
  refuses("roll_rows: x must be [B, M, d], got [3, 2]", [] { roll_rows(f32({3, 2}), 1); });
  refuses("gather_rows: needs x [n, d] and index [m] i32, got x [3, 2] and index [2] f32", [] {
    gather_rows(f32({3, 2}), f32({2}));
  });
}

TEST_CASE("pair ops refuse matrices that do not fit") {
  refuses(
      "concat_scores: a and b must be [heads, rows, h] with the same heads and h, got [2, 3, 4] "
      "and [2, 3, 5]",
      [] {
        concat_scores(f32({2, 3, 4}), f32({2, 3, 5}), f32({1, 4}), f32({1}));
      });
  refuses("pair_loss: similarity must be [heads, anchors, candidates], got [4, 4]", [] {
    pair_loss(f32({4, 4}), Tensor{}, i32({4}), {.adaptive = false});
  });
  refuses("pair_loss: positive must be i32 [4] to match similarity [1, 4, 4], got i32 [3]", [] {
    pair_loss(f32({1, 4, 4}), Tensor{}, i32({3}), {.adaptive = false});
  });
  refuses("pair_statistics: records must be f64 [heads, anchors, 14], got f32 [1, 4, 14]", [] {
    pair_statistics(f32({1, 4, 14}), {});
  });
  const auto total = [](const PairRows& rows, const PairScoreRows& score, PairLossSpec spec) {
    total_pair_loss(rows, score, i32({4}), spec);
  };
  const PairRows rows{.anchors = f32({2, 4, 3}), .candidates = f32({2, 5, 3})};
  refuses(
      "total_pair_loss: the similarity needs anchors and candidates [heads, rows, features] with "
      "the "
      "same heads and features, got [2, 4, 3] and [2, 5, 4]",
      [&] {
        total({.anchors = rows.anchors, .candidates = f32({2, 5, 4})}, {}, {.adaptive = false});
      });
  refuses(
      "total_pair_loss: the similarity needs a candidate of its own for each anchor of [2, 4, 3], "
      "got [2, 5, 3]",
      [&] {
        total({rows.anchors, rows.candidates, f32({2, 5, 3})}, {}, {.adaptive = false});
      });
  refuses("total_pair_loss: the temperature is adaptive, so scores are needed",
          [&] { total(rows, {}, {}); });
  refuses(
      "total_pair_loss: the rows of the score make pairs [2, 4, 6], those of the similarity "
      "[2, 4, 5]",
      [&] {
        total(rows, {{rows.anchors, f32({2, 6, 3})}}, {});
      });
  refuses("total_pair_loss: w2 must be [1 or 2, 3] to match a [2, 4, 3], got [3, 3]", [&] {
    total(rows, {rows, f32({3, 3}), f32({3})}, {});
  });
}

}  // namespace
}  // namespace amcl
