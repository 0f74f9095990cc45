// InfoNCE with a queue (He, Fan, Wu, Xie, Girshick, "Momentum contrast for unsupervised visual
// representation learning", CVPR 2020; spec S2.2), one loss per head, summed over heads.
//
//   q, k        [C, N, d]      raw projections of queries and keys; u, v their unit rows, v constant
//   queue       [C, K, d]      unit rows Q, constant
//   similarity  [C, N, 1 + K]  S_i0 = u_i . v_i, S_i(1+j) = u_i . Q_j
//   per_head    [C]            nats; total = their sum
//
//   loss_c = 1/N sum_i ( log sum_{j in D} exp(S_ij / tau) - S_i0 / tau ),
//   D = all columns, less column 0 in the decoupled form (Yeh, Hong, Hsu, Liu, Chen, LeCun,
//   "Decoupled contrastive learning", ECCV 2022)
#include "models/objectives/info_nce_queue.h"

#include "models/objectives/queue_pairs.h"

namespace amcl {
namespace {

PairLossSpec spec_of(const InfoNceQueueOptions& options) {
  return {.with_positive = options.with_positive,
          .self_offset = PairLossSpec::kNoSelf,
          .adaptive = false,
          .temperature = options.temperature};
}

}  // namespace

Loss info_nce_queue(const Tensor& q, const Tensor& k, const Tensor& queue,
                    const InfoNceQueueOptions& options) {
  check_queue_shapes("infonce_queue", q, k, queue);
  AMCL_CHECK(options.temperature > 0.0, "infonce_queue: the temperature must be positive, got ",
             options.temperature);
  const QueuePairs pairs = pair_with_queue(q, k, queue);
  return loss_of_pairs(pairs.rows, {}, pairs.positive, spec_of(options));
}

double info_nce_queue_chance_level(int64_t heads, int64_t queue,
                                   const InfoNceQueueOptions& options) {
  return queue_chance_level(spec_of(options), heads, queue);
}

}  // namespace amcl
