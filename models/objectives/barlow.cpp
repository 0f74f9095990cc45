// Barlow Twins (Zbontar, Jing, Misra, LeCun, Deny, "Barlow Twins: self-supervised learning via
// redundancy reduction", ICML 2021; spec S2.4), one loss per head, summed over heads.
//
//   x, y      [C, N, d]  raw projections of the two views; Xs, Ys with standardised columns
//   Cr        [C, d, d]  Xs^T Ys / N
//   per_head  [C]        total = their sum; no mean over features, no further scale
//
//   loss_c = sum_l (1 - Cr_ll)^2 + lambda sum_{l != m} Cr_lm^2
#include "models/objectives/barlow.h"

#include <cmath>

#include "engine/ops/ops.h"

namespace amcl {

CrossCorrelation cross_correlation(const char* objective, const Tensor& x, const Tensor& y,
                                   const BarlowOptions& options) {
  AMCL_CHECK(x.rank() == 3 && x.dim(1) >= 2, objective,
             ": x must be [heads, N, d] with N >= 2 (there is no variance otherwise), got ",
             x.shape());
  AMCL_CHECK(y.shape() == x.shape(), objective, ": y must be ", x.shape(), " as x, got ",
             y.shape());
  const double factor = 1.0 / std::sqrt(static_cast<double>(x.dim(1)));
  const auto columns = [&](const Tensor& view) {
    return scale(transpose(standardize_columns(cast(view, stat_dtype(view.dtype())), options.ddof,
                                               options.epsilon)),
                 factor);
  };
  CrossCorrelation result;
  result.x = columns(x);
  result.y = columns(y);
  result.matrix = matmul(result.x, result.y, {.trans_b = true});
  result.diagonal = row_dot(result.x, result.y);
  return result;
}

Tensor off_diagonal_sum(const Tensor& matrix, const Tensor& diagonal) {
  return subtract(sum_rows(sum_rows(matrix)), sum_rows(diagonal));
}

Loss barlow(const Tensor& x, const Tensor& y, const BarlowOptions& options) {
  const CrossCorrelation correlation = cross_correlation("barlow", x, y, options);
  const Tensor fit = sum_rows(square(affine(correlation.diagonal, -1.0, 1.0)));
  const Tensor redundancy =
      off_diagonal_sum(square(correlation.matrix), square(correlation.diagonal));
  const Tensor per_head = add(fit, scale(redundancy, options.lambda));
  return sum_over_heads(per_head);
}

}  // namespace amcl
