// Pairs of anchors and candidates.
//
//   concat_scores  r[c,i,j] = w2[c] . relu(a[c,i] + b[c,j]) + b2[c]                     (spec S3.1)
//     a [C, A, h], b [C, B, h], w2 [1 or C, h], b2 [1 or C], r [C, A, B].
//     With H = [a_i + b_j > 0]: da_i = sum_j dr_ij (w2 * H_ij), db_j = sum_i dr_ij (w2 * H_ij),
//     dw2 = sum_ij dr_ij relu(a_i + b_j), db2 = sum_ij dr_ij; over all heads where they share w2.
//
//   pair_loss      loss[c,i] = Red_{j in D(i)} l[c,i,j] - l[c,i,p] + anchor_beta Omega(tau[c,i,p])
//     s, r [C, A, B]; p = positive[i]; loss [C, A], in nats         (spec S2.1, S3.6, S4;
//     op_specs.h) With w the weights of the reducer (softmax over D(i), or 1/kappa on the
//     selected), minus 1 at p, and g = dloss[c,i]:
//       ds = g w / tau,   dtau = g w ((beta - s) / tau^2 - beta a / tau),   dr = dtau dtau/dr
//       and at p also     dtau += g anchor_beta (anchor_a / tau - 1 / tau^2).
//     The selection of topk and hard carries no gradient.
//
// pair_loss is one kernel rather than a composition because the pair matrix is read once each way,
// where a composition would write and read a dozen matrices of its size.
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"
#include "engine/ops/pair_checks.h"

namespace amcl {
Tensor concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2) {
  check_concat_scores("concat_scores", a, b, w2, b2);
  Tensor r = Tensor::empty(a.device(), {a.dim(0), a.dim(1), b.dim(1)}, a.dtype());
  backend_of(a).concat_scores(a, b, w2, b2, r);
  return tape::record("concat_scores", {a, b, w2, b2}, r,
                      [a, b, w2, b2](const Tensor& dr, Grads& grads) {
                        // The kernel computes all four; those that nobody wants go to scratch.
                        const auto target = [&](int i, const Tensor& input) {
                          return grads.wants(i) ? grads.out(i) : Tensor::empty_like(input);
                        };
                        Tensor da = target(0, a);
                        Tensor db = target(1, b);
                        Tensor dw2 = target(2, w2);
                        Tensor db2 = target(3, b2);
                        backend_of(a).concat_scores_backward(a, b, w2, dr, da, db, dw2, db2);
                      });
}

PairLoss pair_loss(const Tensor& similarity, const Tensor& nullable_score, const Tensor& positive,
                   const PairLossSpec& spec) {
  AMCL_CHECK(similarity.rank() == 3,
             "pair_loss: similarity must be [heads, anchors, candidates], got ",
             similarity.shape());
  check_pair_spec("pair_loss", spec, nullable_score.defined());
  if (spec.adaptive) {
    check_same_kind("pair_loss", "similarity", similarity, "scores", nullable_score);
    AMCL_CHECK(nullable_score.shape() == similarity.shape(), "pair_loss: scores must be ",
               similarity.shape(), " as the similarity, got ", nullable_score.shape());
  }
  check_positives("pair_loss", similarity.shape(), positive, spec);
  const Shape anchors = similarity.shape().without_last();
  Tensor loss = Tensor::empty(similarity.device(), anchors, similarity.dtype());
  Tensor lse = Tensor::empty_like(loss);
  Tensor records = Tensor::empty(similarity.device(),
                                 {similarity.dim(0), similarity.dim(1), kPairRecord}, DType::f64);
  backend_of(similarity).pair_loss(similarity, nullable_score, positive, spec, loss, lse, records);
  loss = tape::record(
      "pair_loss", {similarity, nullable_score}, loss,
      [similarity, nullable_score, positive, spec, lse](const Tensor& dloss, Grads& grads) {
        Tensor ds = grads.wants(0) ? grads.out(0) : Tensor::empty_like(similarity);
        Tensor dr = grads.wants(1) ? grads.out(1) : Tensor{};
        backend_of(similarity)
            .pair_loss_backward(similarity, nullable_score, positive, spec, lse, dloss, ds, dr);
      });
  return {.loss = loss, .records = records};
}

Tensor pair_statistics(const Tensor& records, const PairLossSpec& spec) {
  AMCL_CHECK(records.rank() == 3 && records.dim(2) == kPairRecord && records.dtype() == DType::f64,
             "pair_statistics: records must be f64 [heads, anchors, ", int64_t{kPairRecord},
             "], got ", records.dtype(), " ", records.shape());
  Tensor statistics =
      Tensor::empty(records.device(), {records.dim(0), kPairStatistics}, DType::f32);
  backend_of(records).pair_statistics(records, spec, statistics);
  return statistics;
}

}  // namespace amcl
