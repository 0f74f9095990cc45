#include "models/objectives/queue_pairs.h"

#include <algorithm>

#include "models/objectives/chance_level.h"

namespace amcl {

void check_queue_shapes(const char* objective, const Tensor& q, const Tensor& k,
                        const Tensor& queue) {
  AMCL_CHECK(q.rank() == 3 && q.dim(1) >= 1, objective,
             ": queries must be [heads, N, d] with N >= 1, got ", q.shape());
  AMCL_CHECK(k.shape() == q.shape(), objective, ": keys must be ", q.shape(),
             " as the queries, got ", k.shape());
  AMCL_CHECK(queue.rank() == 3 && queue.dim(0) == q.dim(0) && queue.dim(2) == q.dim(2), objective,
             ": the queue must be [", q.dim(0), ", K, ", q.dim(2), "] to match the queries ",
             q.shape(), ", got ", queue.shape());
  AMCL_CHECK(queue.dim(1) >= 1, objective, ": the queue is empty, it must hold K >= 1 keys");
}

double queue_chance_level(const PairLossSpec& spec, int64_t heads, int64_t queue) {
  // Of hard and topk: the positive is candidate 0, so it is selected of equal ones.
  const int64_t kappa = std::min(selected_count(spec), queue + 1);
  return tied_chance_level(spec, heads, queue, 1.0 / static_cast<double>(kappa));
}

QueuePairs pair_with_queue(const Tensor& q, const Tensor& k, const Tensor& queue) {
  return {.rows = {.anchors = l2_normalize(cast(q, stat_dtype(q.dtype()))),
                   .candidates = tape::detach(queue),
                   .nullable_own = l2_normalize(tape::detach(cast(k, stat_dtype(k.dtype()))))},
          .positive = Tensor::zeros(q.device(), {q.dim(1)}, DType::i32)};
}

}  // namespace amcl
