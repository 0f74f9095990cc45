// The objective of SimSiam (spec S2.3).
#pragma once
#include "models/objectives/objective.h"

namespace amcl {

// Predictions p1, p2 [C, N, d] of views 1 and 2, and projections z1, z2 [C, N, d], constants.
Loss simsiam(const Tensor& p1, const Tensor& z1, const Tensor& p2, const Tensor& z2);

// Throws Error(usage), naming the objective, unless all are [C, N, d] with N >= 1.
void check_simsiam_shapes(const char* objective, const Tensor& p1, const Tensor& z1,
                          const Tensor& p2, const Tensor& z2);

}  // namespace amcl
