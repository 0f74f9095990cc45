// What the objectives with a queue of keys share: each query with its own key and with every key in
// the queue.
#pragma once
#include "engine/ops/ops.h"

namespace amcl {

struct QueuePairs {
  Tensor query;       // [C, N, d] unit rows
  Tensor key;         // [C, N, d] unit rows, constant
  Tensor queue;       // [C, K, d] unit rows, constant
  Tensor similarity;  // [C, N, 1 + K] cosines; column 0 is the query's own key, the positive
  Tensor positive;    // [N] i32, zeros
};

// q, k [C, N, d] raw projections, queue [C, K, d] unit rows. Throws Error(usage), naming the
// objective, where the shapes do not fit or the queue is empty; N = 1 is legal.
void check_queue_shapes(const char* objective, const Tensor& q, const Tensor& k,
                        const Tensor& queue);
QueuePairs pair_with_queue(const Tensor& q, const Tensor& k, const Tensor& queue);

// What mean_over_anchors(pair_loss(...)) gives with a queue of `queue` keys when all similarities and
// scores are 0.
double queue_chance_level(const PairLossSpec& spec, int64_t heads, int64_t queue);

// [C, N] of the own keys and [C, N, K] of the queue, side by side: [C, N, 1 + K].
Tensor own_key_first(const Tensor& own, const Tensor& others);

}  // namespace amcl
