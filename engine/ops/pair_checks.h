// Checks that the losses over pairs share. Each throws Error(usage) that opens with the op's name.
#pragma once
#include "engine/backend/op_specs.h"
#include "engine/core/tensor.h"

namespace amcl {

// The ranges of a spec, and whether scores are there exactly where the temperature is adaptive.
void check_pair_spec(const char* op, const PairLossSpec& spec, bool has_scores);
// `positive` fits pairs [heads, anchors, candidates], and each anchor has a candidate to be compared
// with.
void check_positives(const char* op, const Shape& pairs, const Tensor& positive,
                     const PairLossSpec& spec);
// a [heads, A, h], b [heads, B, h], w2 [1 or heads, h], b2 [1 or heads].
void check_concat_scores(const char* op, const Tensor& a, const Tensor& b, const Tensor& w2,
                         const Tensor& b2);

}  // namespace amcl
