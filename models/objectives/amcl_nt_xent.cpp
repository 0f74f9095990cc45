// AMCL-NT-Xent (Wang, Koniusz, Gedeon, Zheng, "Adaptive Multi-head Contrastive Learning", ECCV
// 2024, equations (2.1) and (2.4); spec S4), one loss per head, summed over heads.
//
//   z           [C, 2N, d]   raw projections; u their unit rows
//   similarity  [C, 2N, 2N]  S = u u^T
//   scores      [C, 2N, 2N]  r from the temperature net on u
//   tau         [C, 2N, 2N]  low + (high - low) sigmoid(-(r + bias))
//   per_head    [C]          nats; total = their sum; of the matrices there are only tiles at a time
//
//   loss_c = 1/2N sum_i ( Red_{j in D(i)} l_ij - l_{i,p(i)} + [anchored] beta Omega(tau_{i,p(i)}) )
//   l = S / tau - [paired] beta Omega(tau; a),   Omega(tau; a) = a log tau + 1 / tau
//
// Red is the log-sum-exp over D(i), the mean of the kappa most similar, or the most similar one
// (S4.3). With a constant temperature and beta = 0 this is NT-Xent of several heads.
#include "models/objectives/amcl_nt_xent.h"

#include "models/objectives/two_views.h"

namespace amcl {

Loss amcl_nt_xent(const Tensor& z, TemperatureNet* nullable_net, const AmclOptions& options) {
  check_two_views("amcl_ntxent", z);
  check_options("amcl_ntxent", options);
  check_net("amcl_ntxent", options, nullable_net != nullptr);
  const TwoViews views = pair_two_views(z);
  const PairScoreRows score =
      options.adaptive ? nullable_net->score_rows(views.rows) : PairScoreRows{};
  return loss_of_pairs(views.rows, score, views.positive, pair_loss_spec(options, z.dim(2)));
}

double amcl_nt_xent_chance_level(int64_t heads, int64_t images, int64_t features,
                                 const AmclOptions& options) {
  return two_view_chance_level(pair_loss_spec(options, features), heads, images);
}

}  // namespace amcl
