// What the objectives with a queue of keys share: each query with its own key and with every key in
// the queue.
#pragma once
#include "engine/ops/ops.h"

namespace amcl {

struct QueuePairs {
  // Unit rows: queries [C, N, d]; the queue [C, K, d] and the own keys [C, N, d], constant.
  PairRows rows;
  Tensor positive;  // [N] i32, zeros: the own key
};

// q, k [C, N, d] raw projections, queue [C, K, d] unit rows. Throws Error(usage), naming the
// objective, where the shapes do not fit or the queue is empty; N = 1 is legal.
void check_queue_shapes(const char* objective, const Tensor& q, const Tensor& k,
                        const Tensor& queue);
QueuePairs pair_with_queue(const Tensor& q, const Tensor& k, const Tensor& queue);

// What loss_of_pairs gives with a queue of `queue` keys when all similarities and scores are 0.
double queue_chance_level(const PairLossSpec& spec, int64_t heads, int64_t queue);

}  // namespace amcl
