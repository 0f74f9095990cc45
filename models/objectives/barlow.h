// The objective of Barlow Twins (spec S2.4).
#pragma once
#include "models/objectives/objective.h"

namespace amcl {

struct BarlowOptions {
  double lambda = 5e-3;   // weight of the off-diagonal
  int64_t ddof = 0;       // the variance's divisor is N - ddof
  double epsilon = 1e-5;  // added to the variance
};

// x, y [C, N, d] raw projections of views 1 and 2, N >= 2.
Loss barlow(const Tensor& x, const Tensor& y, const BarlowOptions& options);

// The feature columns of two views and how they correlate.
struct CrossCorrelation {
  Tensor x;         // [C, d, N] standardised columns / sqrt(N), one per row
  Tensor y;         // [C, d, N]
  Tensor matrix;    // [C, d, d] Cr = Xs^T Ys / N
  Tensor diagonal;  // [C, d]
};
// Throws Error(usage), naming the objective, unless x and y are [C, N, d] with N >= 2.
CrossCorrelation cross_correlation(const char* objective, const Tensor& x, const Tensor& y,
                                   const BarlowOptions& options);

// Sums over the off-diagonal of [C, d, d] are sums over all of it less its diagonal [C, d].
Tensor off_diagonal_sum(const Tensor& matrix, const Tensor& diagonal);  // [C]

}  // namespace amcl
