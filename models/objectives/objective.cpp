#include "models/objectives/objective.h"

namespace amcl {

Loss sum_over_heads(const Tensor& per_head, const Tensor& nullable_statistics) {
  return {.total = sum(per_head),
          .per_head = tape::detach(per_head),
          .statistics = nullable_statistics};
}

Loss loss_of_pairs(const PairRows& similarity, const PairScoreRows& score, const Tensor& positive,
                   const PairLossSpec& spec) {
  const TotalPairLoss pairs = total_pair_loss(similarity, score, positive, spec);
  return {.total = pairs.total, .per_head = pairs.per_head, .statistics = pairs.statistics};
}

}  // namespace amcl
