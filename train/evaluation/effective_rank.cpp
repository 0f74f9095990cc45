#include "train/evaluation/effective_rank.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/parallel_for.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> beside;  // [i]: between i and i + 1
};

// By Householder reflections (Golub, Van Loan, "Matrix computations", algorithm 8.3.1): the k-th
// makes column k zero below its subdiagonal, A - v q^T - q v^T on what is left of the matrix.
Tridiagonal tridiagonal_form(std::vector<double> a, int64_t n) {
  const auto at = [&](int64_t i, int64_t j) -> double& {
    return a[static_cast<size_t>(i * n + j)];
  };
  Tridiagonal result;
  std::vector<double> v(static_cast<size_t>(n));
  std::vector<double> q(static_cast<size_t>(n));
  for (int64_t k = 0; k + 1 < n; ++k) {
    double squares = 0.0;
    for (int64_t i = k + 1; i < n; ++i) squares += at(i, k) * at(i, k);
    const double first = at(k + 1, k);
    const double beside = first > 0.0 ? -std::sqrt(squares) : std::sqrt(squares);
    result.diagonal.push_back(at(k, k));
    result.beside.push_back(beside);
    const double half = squares - first * beside;  // |v|^2 / 2
    if (half <= 0.0) continue;                     // the column is zero already
    for (int64_t i = k + 1; i < n; ++i) v[static_cast<size_t>(i)] = at(i, k);
    v[static_cast<size_t>(k + 1)] -= beside;
    double along = 0.0;
    for (int64_t i = k + 1; i < n; ++i) {
      double product = 0.0;
      for (int64_t j = k + 1; j < n; ++j) product += at(i, j) * v[static_cast<size_t>(j)];
      q[static_cast<size_t>(i)] = product / half;
      along += v[static_cast<size_t>(i)] * q[static_cast<size_t>(i)];
    }
    for (int64_t i = k + 1; i < n; ++i)
      q[static_cast<size_t>(i)] -= along / (2.0 * half) * v[static_cast<size_t>(i)];
    for (int64_t i = k + 1; i < n; ++i)
      for (int64_t j = k + 1; j < n; ++j)
        at(i, j) -= v[static_cast<size_t>(i)] * q[static_cast<size_t>(j)] +
                    q[static_cast<size_t>(i)] * v[static_cast<size_t>(j)];
  }
  result.diagonal.push_back(at(n - 1, n - 1));
  return result;
}

// a . b in f64, in an order that a vector unit can follow.
double dot(const double* a, const double* b, int64_t n) {
  constexpr int64_t kLanes = 8;
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  double sum = 0.0;
  for (const double lane : sums) sum += lane;
  return sum;
}

// x x^T of rows x [n, D].
std::vector<double> products_of_rows(const std::vector<double>& x, int64_t n, int64_t width) {
  std::vector<double> products(static_cast<size_t>(n * n));
  parallel_for(n, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j <= i; ++j)
        products[static_cast<size_t>(i * n + j)] = products[static_cast<size_t>(j * n + i)] =
            dot(x.data() + i * width, x.data() + j * width, width);
  });
  return products;
}

// How many eigenvalues lie below x: the negative pivots of the matrix minus x (Sturm's count).
int64_t count_below(const Tridiagonal& matrix, double x) {
  int64_t count = 0;
  double pivot = 1.0;
  for (size_t i = 0; i < matrix.diagonal.size(); ++i) {
    const double beside = i == 0 ? 0.0 : matrix.beside[i - 1];
    pivot = matrix.diagonal[i] - x - beside * beside / pivot;
    if (pivot == 0.0) pivot = -std::numeric_limits<double>::min();
    count += pivot < 0.0 ? 1 : 0;
  }
  return count;
}

}  // namespace

std::vector<double> symmetric_eigenvalues(std::vector<double> a, int64_t n) {
  AMCL_CHECK(n >= 1 && static_cast<int64_t>(a.size()) == n * n, "eigenvalues: ", a.size(),
             " elements are no matrix of ", n, " rows");
  const Tridiagonal matrix = tridiagonal_form(std::move(a), n);
  double bound = 0.0;  // of all absolute values (Gershgorin)
  for (size_t i = 0; i < matrix.diagonal.size(); ++i) {
    const double before = i == 0 ? 0.0 : std::abs(matrix.beside[i - 1]);
    const double after = i < matrix.beside.size() ? std::abs(matrix.beside[i]) : 0.0;
    bound = std::max(bound, std::abs(matrix.diagonal[i]) + before + after);
  }
  std::vector<double> values(static_cast<size_t>(n));
  parallel_for(n, 8, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      double low = -bound;
      double high = bound;
      // Halved until neighbouring numbers are left.
      for (double middle = 0.0; low < middle || middle < high;) {
        (count_below(matrix, middle) <= index ? low : high) = middle;
        const double next = low + 0.5 * (high - low);
        if (next == middle || next <= low || next >= high) break;
        middle = next;
      }
      values[static_cast<size_t>(index)] = low + 0.5 * (high - low);
    }
  });
  return values;
}

double effective_rank(const Tensor& x) {
  AMCL_CHECK(x.rank() == 2, "effective rank: needs rows [n, D], got ", x.shape());
  // The squared singular values, from the smaller of the two products; f64, because those of f32
  // would drown the small ones.
  const Tensor rows = x.dim(0) <= x.dim(1) ? x : transpose(x);
  const int64_t n = rows.dim(0);
  std::vector<double> singular =
      symmetric_eigenvalues(products_of_rows(rows.to_host<double>(), n, rows.dim(1)), n);
  double sum = 0.0;
  for (double& value : singular) {
    value = std::sqrt(std::max(0.0, value));
    sum += value;
  }
  if (sum <= 0.0) return 0.0;
  double entropy = 0.0;
  for (const double value : singular)
    if (value > 0.0) entropy -= value / sum * std::log(value / sum);
  return std::exp(entropy);
}

}  // namespace amcl
