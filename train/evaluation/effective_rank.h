// The effective rank of features: how many directions they use.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

// Of x [n, D]: exp(H), H the entropy of the singular values divided by their sum (Roy, Vetterli,
// "The effective rank", EUSIPCO 2007; as a measure of representations Garrido et al., "RankMe",
// ICML 2023). From 1, where all rows lie on one line, to min(n, D). 0 if all rows are 0.
double effective_rank(const Tensor& x);

// The eigenvalues, ascending, of a symmetric matrix a [n, n], row after row.
std::vector<double> symmetric_eigenvalues(std::vector<double> a, int64_t n);

}  // namespace amcl
