// InfoNCE with a queue of keys, the objective of MoCo (spec S2.2).
#pragma once
#include "models/objectives/objective.h"

namespace amcl {

struct InfoNceQueueOptions {
  double temperature = 0.1;
  bool with_positive = true;  // false: the decoupled form, whose denominator is the queue alone
};

// q [C, N, d] raw projections of the queries; k [C, N, d] raw projections of their keys and queue
// [C, K, d] unit rows are constants.
Loss info_nce_queue(const Tensor& q, const Tensor& k, const Tensor& queue,
                    const InfoNceQueueOptions& options);

// The loss of `heads` heads when all similarities are 0.
double info_nce_queue_chance_level(int64_t heads, int64_t queue,
                                   const InfoNceQueueOptions& options);

}  // namespace amcl
