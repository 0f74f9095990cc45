// What every objective returns. An objective is a function of raw projections [C, rows, d] (it
// normalises inside) and of a temperature net where it is adaptive.
#pragma once
#include "engine/ops/ops.h"

namespace amcl {

struct Loss {
  Tensor total;     // [1], nats, summed over heads (spec S1)
  Tensor per_head;  // [C], mean over anchors, no gradient
  Tensor
      statistics;  // [C, kPairStatistics] f32 (op_specs.h), no gradient; empty for losses without
                   // pairs or temperatures
};

// The Loss of one value per head [C].
Loss sum_over_heads(const Tensor& per_head, const Tensor& nullable_statistics = {});
// The Loss over all pairs of rows: the mean over the anchors of each head, summed over heads.
Loss loss_of_pairs(const PairRows& similarity, const PairScoreRows& score, const Tensor& positive,
                   const PairLossSpec& spec);

}  // namespace amcl
