#include "train/run/head_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"

namespace amcl {
namespace {

constexpr int64_t kMostRows = 1024;

// Entries above the diagonal, minus their mean, divided by their norm; empty if they do not vary.
std::vector<double> standardized_pairs(const Tensor& similarity) {
  const std::vector<double> values = similarity.to_host<double>();
  const int64_t n = similarity.dim(0);
  std::vector<double> pairs;
  for (int64_t i = 0; i < n; ++i)
    pairs.insert(pairs.end(), values.begin() + i * n + i + 1, values.begin() + (i + 1) * n);
  double mean = 0.0;
  for (const double value : pairs) mean += value / static_cast<double>(pairs.size());
  double squares = 0.0;
  for (double& value : pairs) {
    value -= mean;
    squares += value * value;
  }
  if (squares <= 1e-12 * static_cast<double>(pairs.size())) return {};
  for (double& value : pairs) value /= std::sqrt(squares);
  return pairs;
}

}  // namespace

Tensor first_rows(const Tensor& z, int64_t head, int64_t most) {
  return z.slice(head, head + 1).view(Shape{z.dim(1), z.dim(2)}).slice(0, std::min(z.dim(1), most));
}

std::vector<std::vector<double>> head_similarity_correlations(const Tensor& z, int64_t most) {
  AMCL_CHECK(z.rank() == 3, "head correlation: projections must be [C, M, d], got ", z.shape());
  const auto heads = static_cast<size_t>(z.dim(0));
  if (heads < 2 || z.dim(1) < 3) return {};
  std::vector<std::vector<double>> pairs;
  for (int64_t head = 0; head < z.dim(0); ++head) {
    const Tensor u = l2_normalize(first_rows(z, head, most));
    pairs.push_back(standardized_pairs(matmul(u, u, {.trans_b = true})));
    if (pairs.back().empty()) return {};
  }
  std::vector<std::vector<double>> matrix(heads, std::vector<double>(heads, 1.0));
  for (size_t a = 0; a < heads; ++a)
    for (size_t b = a + 1; b < heads; ++b)
      matrix[a][b] = matrix[b][a] =
          std::inner_product(pairs[a].begin(), pairs[a].end(), pairs[b].begin(), 0.0);
  return matrix;
}

std::optional<double> head_similarity_correlation(const Tensor& z) {
  const std::vector<std::vector<double>> matrix = head_similarity_correlations(z, kMostRows);
  if (matrix.empty()) return std::nullopt;
  double sum = 0.0;
  for (size_t a = 0; a < matrix.size(); ++a)
    for (size_t b = a + 1; b < matrix.size(); ++b) sum += matrix[a][b];
  return sum / (0.5 * static_cast<double>(matrix.size() * (matrix.size() - 1)));
}

std::vector<double> gradient_norm_per_head(ParameterArena& arena, int64_t heads) {
  std::vector<double> squares;
  Tensor part = Tensor::empty(arena.gradients().device(), Shape{1}, arena.gradients().dtype());
  for (const ParameterArena::Entry& entry : arena.entries()) {
    const Parameter& parameter = *entry.parameter;
    if (!parameter.stacked || parameter.value.dim(0) != heads) continue;
    squares.resize(static_cast<size_t>(heads));
    const int64_t size = (entry.end - entry.begin) / heads;
    for (int64_t head = 0; head < heads; ++head) {
      const int64_t begin = entry.begin + head * size;
      backend_of(part).sum_of_squares(arena.gradients().slice(begin, begin + size), part);
      squares[static_cast<size_t>(head)] += part.item();
    }
  }
  for (double& value : squares) value = std::sqrt(value);
  return squares;
}

}  // namespace amcl
