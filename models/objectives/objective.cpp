#include "models/objectives/objective.h"

namespace amcl {

Loss sum_over_heads(const Tensor& per_head, const Tensor& nullable_statistics) {
  return {.total = sum(per_head),
          .per_head = tape::detach(per_head),
          .statistics = nullable_statistics};
}

Loss mean_over_anchors(const PairLoss& pairs) {
  return sum_over_heads(mean_rows(pairs.loss), pairs.statistics);
}

}  // namespace amcl
