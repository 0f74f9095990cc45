#include "models/objectives/head_decorrelation.h"

#include "engine/ops/ops.h"
#include "models/objectives/barlow.h"

namespace amcl {

Tensor head_decorrelation(const Tensor& z) {
  AMCL_CHECK(z.rank() == 3 && z.dim(0) >= 2,
             "head_decorrelation: z must be [heads, rows, d] with at least 2 heads, got ",
             z.shape());
  const int64_t heads = z.dim(0);
  Tensor total;
  // Heads that are `apart` from one another: each pair comes once.
  for (int64_t apart = 1; apart < heads; ++apart) {
    const CrossCorrelation correlation = cross_correlation(
        "head_decorrelation", slice(z, 0, 0, heads - apart), slice(z, 0, apart, heads), {});
    const Tensor squares = sum(square(correlation.matrix));
    total = total.defined() ? add(total, squares) : squares;
  }
  const auto pairs = static_cast<double>(heads * (heads - 1) / 2);
  return scale(total, 1.0 / (pairs * static_cast<double>(z.dim(2))));
}

}  // namespace amcl
