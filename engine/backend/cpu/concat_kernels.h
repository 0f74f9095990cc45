// The inner loops of concat scores, for the instruction set of this CPU. Rows have `hidden` values.
#pragma once
#include <cstdint>

namespace amcl {

// r[j] = bias + sum_k weights[k] relu(fixed[k] + others[j, k]) for `count` rows of others.
void concat_score_row(const float* fixed, const float* others, const float* weights, int64_t hidden,
                      int64_t count, float bias, float* r);

// Over `count` rows of others, with H = [fixed[k] + others[j, k] > 0]:
//   active[k] = sum_j dr[j] H, and, unless null, outputs[k] = sum_j dr[j] H (fixed[k] + others[j, k])
void concat_gradient_row(const float* fixed, const float* others, const float* dr, int64_t hidden,
                         int64_t count, float* active, float* nullable_outputs);

}  // namespace amcl
