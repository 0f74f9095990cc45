#include "train/evaluation/effective_rank.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "engine/backend/open.h"
#include "engine/ops/ops.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

TEST_CASE("eigenvalues: those of matrices that are known") {
  // 2 on the diagonal and 1 beside it: 2 + 2 cos(pi k / (n + 1)).
  const int64_t n = 5;
  std::vector<double> chain(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      chain[static_cast<size_t>(i * n + j)] = i == j ? 2.0 : std::abs(i - j) == 1 ? 1.0 : 0.0;
  const std::vector<double> values = symmetric_eigenvalues(chain, n);
  const std::vector<double> expected = {2 - std::sqrt(3.0), 1.0, 2.0, 3.0, 2 + std::sqrt(3.0)};
  for (size_t i = 0; i < expected.size(); ++i)
    CHECK(values[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  CHECK(symmetric_eigenvalues({7.0}, 1)[0] == doctest::Approx(7.0));
  for (const double value : symmetric_eigenvalues(std::vector<double>(16), 4)) CHECK(value == 0.0);
}

TEST_CASE("eigenvalues: of a dense matrix, trace and sum of squares are kept") {
  const auto backend = open_backend("plain");
  const Tensor x = test::Rng(5).normal(*backend, Shape{40, 30}, DType::f64);
  const std::vector<double> product = matmul(x, x, {.trans_b = true}).to_host<double>();
  double trace = 0.0;
  double squares = 0.0;
  for (size_t i = 0; i < 40; ++i) trace += product[i * 40 + i];
  for (const double value : product) squares += value * value;
  const std::vector<double> values = symmetric_eigenvalues(product, 40);
  double sum = 0.0;
  double sum_of_squares = 0.0;
  for (const double value : values) {
    sum += value;
    sum_of_squares += value * value;
  }
  CHECK(sum == doctest::Approx(trace).epsilon(1e-10));
  CHECK(sum_of_squares == doctest::Approx(squares).epsilon(1e-10));
  // 30 columns: ten of the 40 directions are empty.
  for (size_t i = 0; i < 10; ++i) CHECK(std::abs(values[i]) < 1e-10);
  CHECK(values[10] > 0.1);
}

TEST_CASE("effective rank: one direction is 1, as many equal ones as there are are all") {
  const auto backend = open_backend("plain");
  std::vector<float> line;
  std::vector<float> axes;
  for (size_t row = 0; row < 6; ++row)
    for (size_t j = 0; j < 4; ++j) {
      line.push_back(static_cast<float>((row + 1) * (j + 2)));
      axes.push_back(row % 4 == j && row < 4 ? 3.0F : 0.0F);
    }
  const auto rank = [&](const std::vector<float>& rows) {
    return effective_rank(Tensor::from_host<float>(*backend, Shape{6, 4}, rows));
  };
  CHECK(rank(line) == doctest::Approx(1.0).epsilon(1e-5));
  CHECK(rank(axes) == doctest::Approx(4.0));
  CHECK(rank(std::vector<float>(24)) == 0.0);
  // The same from either product.
  const Tensor wide = test::Rng(6).normal(*backend, Shape{9, 20}, DType::f32);
  CHECK(effective_rank(wide) == doctest::Approx(effective_rank(transpose(wide))).epsilon(1e-6));
}

}  // namespace
}  // namespace amcl
