// The objective of LeJEPA (spec S2.6).
#pragma once
#include "models/objectives/objective.h"

namespace amcl {

// z [C, 2N, d] raw projections, rows 0..N-1 view 1 and rows N..2N-1 view 2, N >= 2; directions [S, d]
// unit rows, a constant. 1 - lambda weighs the prediction of the views, lambda their distribution.
Loss lejepa(const Tensor& z, const Tensor& directions, double lambda);

// SIGReg of x [C, N, d]: how far the rows of each head are from a sample of the standard normal, [C].
Tensor sigreg(const Tensor& x, const Tensor& directions);

// The loss of `heads` heads when all projections are 0: that of a collapse.
double lejepa_chance_level(int64_t heads, int64_t images, double lambda);

}  // namespace amcl
