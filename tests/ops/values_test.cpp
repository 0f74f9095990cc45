// Values that the comparison of backends cannot prove, because plain is its definition: closed
// forms on small inputs.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

Tensor f64(const Shape& shape, const std::vector<double>& values) {
  return Tensor::from_host<double>(test::plain(), shape, values);
}

Tensor i32(const std::vector<int32_t>& values) {
  return Tensor::from_host<int32_t>(test::plain(), {static_cast<int64_t>(values.size())}, values);
}

void equals(const Tensor& got, const Shape& shape, const std::vector<double>& values) {
  CHECK(test::difference(got, f64(shape, values), 1e-14) == "");
}

TEST_CASE("binary ops: each form of b meets the right elements") {
  const Tensor a = f64({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  equals(add(a, f64({1}, {10})), {2, 2, 2}, {11, 12, 13, 14, 15, 16, 17, 18});
  equals(subtract(a, f64({2}, {10, 20})), {2, 2, 2}, {-9, -18, -7, -16, -5, -14, -3, -12});
  equals(multiply(a, f64({2, 2}, {1, 10, 100, 1000})), {2, 2, 2},
         {1, 20, 3, 40, 500, 6000, 700, 8000});
}

TEST_CASE("unary ops: known values") {
  const Tensor x = f64({3}, {-2, 0.5, 2});
  equals(relu(x), {3}, {0, 0.5, 2});
  equals(exp(x), {3}, {std::exp(-2.0), std::exp(0.5), std::exp(2.0)});
  equals(log(f64({2}, {1, std::exp(3.0)})), {2}, {0, 3});
  equals(sigmoid(f64({3}, {0, std::log(3.0), -800})), {3}, {0.5, 0.75, 0});
  equals(reciprocal(x), {3}, {-0.5, 2, 0.5});
  equals(square(x), {3}, {4, 0.25, 4});
  equals(affine(x, -2, 1), {3}, {5, 0, -3});
  equals(scale(x, 3), {3}, {-6, 1.5, 6});
}

TEST_CASE("temperature: similar pairs are sharp, the score 0 gives the start value") {
  // spec S3.2: r0 = log((high - tau0) / (tau0 - low)) starts at tau0.
  const TemperatureRange range{.low = 0.1, .high = 1.1, .bias = std::log(0.9 / 0.1)};
  equals(temperature(f64({3}, {0, 1000, -1000}), range), {3}, {0.2, 0.1, 1.1});
}

TEST_CASE("reductions: sums and means over the right axis") {
  const Tensor x = f64({2, 3}, {1, 2, 3, 4, 5, 12});
  equals(sum(x), {1}, {27});
  equals(mean(x), {1}, {4.5});
  equals(sum_rows(x), {2}, {6, 21});
  equals(mean_rows(x), {2}, {2, 7});
  equals(mean_rows(f64({3}, {1, 2, 6})), {1}, {3});
}

TEST_CASE("matmul: a product by hand, and transposition as a flag is transposition as an op") {
  const Tensor a = f64({2, 3}, {1, 2, 3, 4, 5, 6});
  equals(matmul(a, f64({3, 2}, {1, 0, 0, 1, 2, 3})), {2, 2}, {7, 11, 16, 23});
  const Tensor b = test::Rng(2).normal(test::plain(), {4, 5, 3});
  CHECK(test::difference(matmul(a, b, {.trans_b = true}), matmul(a, transpose(b)), 1e-14) == "");
  const Tensor shared = test::Rng(3).normal(test::plain(), {3, 2});
  CHECK(test::difference(matmul(shared, b, {.trans_a = true, .trans_b = true}),
                         matmul(transpose(shared), transpose(b)), 1e-14) == "");
}

TEST_CASE("conv2d: a 3x3 filter over an image of ones counts the places inside") {
  const Tensor x = f64({1, 3, 3, 1}, std::vector<double>(9, 1.0));
  const Tensor w = f64({1, 3, 3, 1}, std::vector<double>(9, 1.0));
  equals(conv2d(x, w, {.padding = 1}), {1, 3, 3, 1}, {4, 6, 4, 6, 9, 6, 4, 6, 4});
  equals(conv2d(x, w, {.stride = 2, .padding = 1}), {1, 2, 2, 1}, {4, 4, 4, 4});
  equals(conv2d(x, w, {}), {1, 1, 1, 1}, {9});
}

TEST_CASE("conv2d: is a cross-correlation, channels last") {
  const Tensor x = f64({1, 1, 3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor w = f64({1, 1, 2, 2}, {1, 10, 100, 1000});
  equals(conv2d(x, w, {}), {1, 1, 2, 1}, {4321, 6543});
}

TEST_CASE("max_pool: padding never wins, not even over negative values") {
  const Tensor x = f64({1, 2, 2, 1}, {-1, -2, -3, -4});
  equals(max_pool(x, {.kernel = 3, .stride = 1, .padding = 1}), {1, 2, 2, 1}, {-1, -1, -1, -1});
}

TEST_CASE("max_pool: of equal values the first in row-major order takes the gradient") {
  const TapeScope scope;
  const Tensor x = tape::leaf(f64({1, 2, 4, 1}, {0, 0, 0, 1, 0, 0, 1, 1}));
  const Tensor y = max_pool(x, {.kernel = 2, .stride = 2});
  equals(y, {1, 1, 2, 1}, {0, 1});
  const Tensor dy = f64({1, 1, 2, 1}, {5, 7});
  tape::backward(std::span(&y, 1), std::span(&dy, 1));
  equals(tape::gradient(x), {1, 2, 4, 1}, {5, 0, 0, 7, 0, 0, 0, 0});
}

TEST_CASE("global_average_pool: the mean of each channel") {
  equals(global_average_pool(f64({1, 1, 2, 2}, {1, 10, 3, 30})), {1, 2}, {2, 20});
}

TEST_CASE("batch_norm: groups have statistics of their own and running ones are unbiased") {
  const Tensor x = f64({4, 1}, {1, 3, 10, 30});
  const Tensor one = f64({1}, {1});
  const Tensor zero = f64({1}, {0});
  RunningStatistics running{.mean = f64({1}, {5}), .variance = f64({1}, {1}), .momentum = 0.5};
  const BatchNormSpec spec{.groups = 2, .epsilon = 0.0};
  equals(batch_norm(x, one, zero, running, Phase::train, spec), {4, 1}, {-1, 1, -1, 1});
  // Means 2, 20; unbiased variances 2, 200; group after group at momentum 0.5.
  equals(running.mean, {1}, {0.5 * (0.5 * 5 + 0.5 * 2) + 0.5 * 20});
  equals(running.variance, {1}, {0.5 * (0.5 * 1 + 0.5 * 2) + 0.5 * 200});
  running.update = false;
  const std::vector<double> before = running.mean.to_host<double>();
  batch_norm(x, one, zero, running, Phase::train, spec);
  CHECK(running.mean.to_host<double>() == before);
}

TEST_CASE("batch_norm: the evaluation form uses the running statistics") {
  RunningStatistics running{.mean = f64({1}, {2}), .variance = f64({1}, {4})};
  const BatchNormSpec spec{.epsilon = 0.0, .relu = true};
  equals(batch_norm(f64({3, 1}, {0, 2, 6}), f64({1}, {3}), f64({1}, {1}), running, Phase::eval,
                    spec, f64({3, 1}, {1, 1, 1})),
         {3, 1}, {0, 2, 8});
}

TEST_CASE("shape ops: elements end where they belong") {
  const Tensor x = f64({2, 3}, {1, 2, 3, 4, 5, 6});
  equals(transpose(x), {3, 2}, {1, 4, 2, 5, 3, 6});
  equals(slice(x, 0, 1, 2), {1, 3}, {4, 5, 6});
  equals(slice(x, 1, 1, 3), {2, 2}, {2, 3, 5, 6});
  equals(concat(std::vector{x, f64({2, 1}, {7, 8})}, 1), {2, 4}, {1, 2, 3, 7, 4, 5, 6, 8});
  equals(roll_rows(f64({1, 3, 1}, {1, 2, 3}), 1), {1, 3, 1}, {3, 1, 2});
  equals(gather_rows(x, i32({1, 1, 0})), {3, 3}, {4, 5, 6, 4, 5, 6, 1, 2, 3});
}

TEST_CASE("slice along axis 0 copies nothing") {
  const Tensor x = f64({2, 2}, {1, 2, 3, 4});
  CHECK(slice(x, 0, 0, 1).same_block(x));
}

TEST_CASE("cast: the gradient comes back in the type of x, with the cotangent's values") {
  const TapeScope scope;
  const Tensor x = tape::leaf(test::Rng(4).normal(test::plain(), {5}, DType::f32));
  const Tensor y = cast(x, DType::f64);
  CHECK(y.dtype() == DType::f64);
  CHECK(cast(y, DType::f64).same_block(y));
  const Tensor cotangent = test::Rng(5).normal(test::plain(), {5});
  tape::backward(std::span(&y, 1), std::span(&cotangent, 1));
  CHECK(tape::gradient(x).dtype() == DType::f32);
  CHECK(tape::gradient(x).to_host<double>() == cotangent.to_host<double>());
}

TEST_CASE("cast: to bf16 rounds to nearest, ties to even") {
  const Tensor x = f64({4}, {1.0, 1.0 + 1.0 / 256, 1.0 + 3.0 / 256, 3.14159});
  equals(cast(cast(x, DType::bf16), DType::f64), {4}, {1.0, 1.0, 1.0 + 4.0 / 256, 3.140625});
}

}  // namespace
}  // namespace amcl
