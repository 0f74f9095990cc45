// What tells the heads of a model apart.
#pragma once
#include <optional>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/nn/parameter_arena.h"

namespace amcl {

// Whether the heads see the same similarities: Pearson's correlation between the cosine
// similarities of two heads over all pairs of different rows of z [C, M, d], averaged over the
// pairs of heads; 1 where they agree. Of the first 1,024 rows if there are more. Empty for one
// head, and where the similarities of a head do not vary.
std::optional<double> head_similarity_correlation(const Tensor& z);

// The L2 norm of the gradient of each head's own parameters, those that are stacked over `heads`
// heads; empty if there are none.
std::vector<double> gradient_norm_per_head(ParameterArena& arena, int64_t heads);

}  // namespace amcl
