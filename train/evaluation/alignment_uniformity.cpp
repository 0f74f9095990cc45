#include "train/evaluation/alignment_uniformity.h"

#include <cmath>

#include "engine/ops/ops.h"

namespace amcl {

double alignment(const Tensor& a, const Tensor& b) {
  // |a - b|^2 = 2 - 2 a.b for unit rows.
  return 2.0 - 2.0 * mean(row_dot(l2_normalize(a), l2_normalize(b))).item();
}

double uniformity(const Tensor& x) {
  AMCL_CHECK(x.rank() == 2 && x.dim(0) >= 2, "uniformity: needs two rows at least, got ",
             x.shape());
  const Tensor u = l2_normalize(x);
  const std::vector<double> similarity = matmul(u, u, {.trans_b = true}).to_host<double>();
  const int64_t n = x.dim(0);
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i + 1; j < n; ++j)
      sum += std::exp(4.0 * similarity[static_cast<size_t>(i * n + j)] - 4.0);
  return std::log(sum / (0.5 * static_cast<double>(n) * static_cast<double>(n - 1)));
}

}  // namespace amcl
