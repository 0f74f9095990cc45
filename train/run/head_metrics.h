// What tells the heads of a model apart.
#pragma once
#include <optional>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/nn/parameter_arena.h"

namespace amcl {

// Rows of one head of z [C, M, d]: the first `most` at most, [n, d].
Tensor first_rows(const Tensor& z, int64_t head, int64_t most);

// Pearson's correlation between the cosine similarities of each two heads over all pairs of different
// rows of z [C, M, d], of the first `most` rows: C rows of C numbers, 1 where two heads see the same
// similarities. Empty for one head, and where the similarities of a head do not vary.
std::vector<std::vector<double>> head_similarity_correlations(const Tensor& z, int64_t most);

// The mean of those over the pairs of different heads, of the first 1,024 rows if there are more.
std::optional<double> head_similarity_correlation(const Tensor& z);

// The L2 norm of the gradient of each head's own parameters, those that are stacked over `heads`
// heads; empty if there are none.
std::vector<double> gradient_norm_per_head(ParameterArena& arena, int64_t heads);

}  // namespace amcl
