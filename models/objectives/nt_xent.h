// NT-Xent, the objective of SimCLR (spec S2.1).
#pragma once
#include "models/objectives/objective.h"

namespace amcl {

struct NtXentOptions {
  double temperature = 0.5;
  bool with_positive = true;  // false: the decoupled form, without the positive in the denominator
};

// z [C, 2N, d] raw projections, rows 0..N-1 view 1 and rows N..2N-1 view 2, N >= 2.
Loss nt_xent(const Tensor& z, const NtXentOptions& options);

// The loss of `heads` heads when all similarities are 0.
double nt_xent_chance_level(int64_t heads, int64_t images, const NtXentOptions& options);

}  // namespace amcl
