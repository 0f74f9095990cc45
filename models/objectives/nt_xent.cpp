// NT-Xent (Chen, Kornblith, Norouzi, Hinton, "A simple framework for contrastive learning of visual
// representations", ICML 2020; spec S2.1), one loss per head, summed over heads.
//
//   z           [C, 2N, d]   raw projections; u their unit rows
//   similarity  [C, 2N, 2N]  S = u u^T
//   per_head    [C]          nats; total = their sum
//
//   loss_c = 1/2N sum_i ( log sum_{j in D(i)} exp(S_ij / tau) - S_{i,p(i)} / tau ),
//   p(i) = (i + N) mod 2N;  D(i) = all rows but i, less p(i) in the decoupled form (Yeh, Hong, Hsu,
//   Liu, Chen, LeCun, "Decoupled contrastive learning", ECCV 2022)
//
// It is the loss over pairs with one constant temperature and no regulariser.
#include "models/objectives/nt_xent.h"

#include "models/objectives/two_views.h"

namespace amcl {
namespace {

PairLossSpec pair_loss_spec(const NtXentOptions& options) {
  return {.reducer = PairReducer::lse,
          .with_positive = options.with_positive,
          .adaptive = false,
          .temperature = options.temperature};
}

}  // namespace

Loss nt_xent(const Tensor& z, const NtXentOptions& options) {
  check_two_views("ntxent", z);
  AMCL_CHECK(options.temperature > 0.0, "ntxent: the temperature must be positive, got ",
             options.temperature);
  const TwoViews views = pair_two_views(z);
  return loss_of_pairs(views.rows, {}, views.positive, pair_loss_spec(options));
}

double nt_xent_chance_level(int64_t heads, int64_t images, const NtXentOptions& options) {
  return two_view_chance_level(pair_loss_spec(options), heads, images);
}

}  // namespace amcl
