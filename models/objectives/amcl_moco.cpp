// AMCL-MoCo (Wang, Koniusz, Gedeon, Zheng, ECCV 2024, equations (2.1) and (2.4) with a queue; spec
// S5), one loss per head, summed over heads.
//
//   q, k        [C, N, d]      raw projections of queries and keys; u, v their unit rows, v constant
//   queue       [C, K, d]      unit rows Q, constant
//   similarity  [C, N, 1 + K]  S_i0 = u_i . v_i, S_i(1+j) = u_i . Q_j
//   scores      [C, N, 1 + K]  r from the temperature net on the same pairs
//   per_head    [C]            nats; total = their sum
//
//   loss_c = 1/N sum_i ( Red_{j in D} l_ij - l_i0 + [anchored] beta Omega(tau_i0) ),
//   l and Omega as in amcl_nt_xent.cpp;  D = the queue, and column 0 if with_positive
#include "models/objectives/amcl_moco.h"

#include "models/objectives/queue_pairs.h"

namespace amcl {

Loss amcl_moco(const Tensor& q, const Tensor& k, const Tensor& queue, TemperatureNet* nullable_net,
               const AmclOptions& options) {
  check_queue_shapes("amcl_moco", q, k, queue);
  check_options("amcl_moco", options);
  check_net("amcl_moco", options, nullable_net != nullptr);
  const QueuePairs pairs = pair_with_queue(q, k, queue);
  const PairScoreRows score =
      options.adaptive ? nullable_net->score_rows(pairs.rows) : PairScoreRows{};
  PairLossSpec spec = pair_loss_spec(options, q.dim(2));
  spec.self_offset = PairLossSpec::kNoSelf;
  return loss_of_pairs(pairs.rows, score, pairs.positive, spec);
}

double amcl_moco_chance_level(int64_t heads, int64_t queue, int64_t features,
                              const AmclOptions& options) {
  return queue_chance_level(pair_loss_spec(options, features), heads, queue);
}

}  // namespace amcl
