// What the objectives over two views of a batch share: the pairs of all 2N rows with one another.
#pragma once
#include "engine/ops/ops.h"
#include "models/objectives/objective.h"

namespace amcl {

// Rows 0..N-1 are view 1, rows N..2N-1 view 2; the positive of row i is row (i + N) mod 2N.
struct TwoViews {
  PairRows rows;    // u [C, 2N, d] twice: unit rows, a zero row stays zero
  Tensor positive;  // [2N] i32
};

// Throws Error(usage), naming the objective, unless z is [C, 2N, d] with N >= 2: with one image
// there are no negatives.
void check_two_views(const char* objective, const Tensor& z);
TwoViews pair_two_views(const Tensor& z);

// What loss_of_pairs gives for two views of `images` images when all similarities and scores are 0.
double two_view_chance_level(const PairLossSpec& spec, int64_t heads, int64_t images);

}  // namespace amcl
