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

namespace amcl {
namespace {

void check_concat_shapes(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2) {
  AMCL_CHECK(a.rank() == 3 && b.rank() == 3 && a.dim(0) == b.dim(0) && a.dim(2) == b.dim(2),
             "concat_scores: a and b must be [heads, rows, h] with the same heads and h, got ",
             a.shape(), " and ", b.shape());
  AMCL_CHECK(w2.rank() == 2 && (w2.dim(0) == 1 || w2.dim(0) == a.dim(0)) && w2.dim(1) == a.dim(2),
             "concat_scores: w2 must be [1 or ", a.dim(0), ", ", a.dim(2), "] to match a ",
             a.shape(), ", got ", w2.shape());
  AMCL_CHECK(b2.shape() == Shape{w2.dim(0)}, "concat_scores: b2 must be ", Shape{w2.dim(0)},
             " to match w2 ", w2.shape(), ", got ", b2.shape());
  check_same_kind("concat_scores", "a", a, "b", b);
  check_same_kind("concat_scores", "a", a, "w2", w2);
  check_same_kind("concat_scores", "a", a, "b2", b2);
}

void check_pair_values(const PairLossSpec& spec) {
  const TemperatureRange& range = spec.range;
  if (spec.adaptive)
    AMCL_CHECK(range.low > 0.0 && range.low < range.high,
               "pair_loss: the temperature range must satisfy 0 < low < high, got ", range.low,
               " to ", range.high);
  else
    AMCL_CHECK(spec.temperature > 0.0, "pair_loss: the temperature must be positive, got ",
               spec.temperature);
  AMCL_CHECK(spec.reducer != PairReducer::topk || spec.topk >= 1,
             "pair_loss: topk must be at least 1, got ", spec.topk);
  AMCL_CHECK(spec.beta_positive >= 0.0 && spec.beta_negative >= 0.0 && spec.anchor_beta >= 0.0,
             "pair_loss: no beta may be negative, got ", spec.beta_positive, ", ",
             spec.beta_negative, " and ", spec.anchor_beta);
}

void check_pair_shapes(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                       const PairLossSpec& spec) {
  AMCL_CHECK(s.rank() == 3, "pair_loss: similarity must be [heads, anchors, candidates], got ",
             s.shape());
  AMCL_CHECK(nullable_r.defined() == spec.adaptive, "pair_loss: the temperature is ",
             spec.adaptive ? "adaptive, so scores are needed" : "constant, so scores have no use");
  if (spec.adaptive) {
    check_same_kind("pair_loss", "similarity", s, "scores", nullable_r);
    AMCL_CHECK(nullable_r.shape() == s.shape(), "pair_loss: scores must be ", s.shape(),
               " as the similarity, got ", nullable_r.shape());
  }
  AMCL_CHECK(positive.dtype() == DType::i32 && positive.shape() == Shape{s.dim(1)},
             "pair_loss: positive must be i32 ", Shape{s.dim(1)}, " to match similarity ",
             s.shape(), ", got ", positive.dtype(), " ", positive.shape());
  const bool holds_self = spec.self_offset > -s.dim(1) && spec.self_offset < s.dim(2);
  const int64_t denominator = s.dim(2) - (holds_self ? 1 : 0) - (spec.with_positive ? 0 : 1);
  AMCL_CHECK(denominator >= 1,
             "pair_loss: an anchor has no candidate to be compared with: ", s.dim(2), " candidates",
             holds_self ? ", less itself" : "", spec.with_positive ? "" : ", less its positive");
}

}  // namespace

Tensor concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2) {
  check_concat_shapes(a, b, w2, b2);
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
  check_pair_values(spec);
  check_pair_shapes(similarity, nullable_score, positive, spec);
  const Shape anchors = similarity.shape().without_last();
  Tensor loss = Tensor::empty(similarity.device(), anchors, similarity.dtype());
  Tensor lse = Tensor::empty_like(loss);
  Tensor statistics =
      Tensor::empty(similarity.device(), {similarity.dim(0), kPairStatistics}, DType::f32);
  backend_of(similarity)
      .pair_loss(similarity, nullable_score, positive, spec, loss, lse, statistics);
  loss = tape::record(
      "pair_loss", {similarity, nullable_score}, loss,
      [similarity, nullable_score, positive, spec, lse](const Tensor& dloss, Grads& grads) {
        Tensor ds = grads.wants(0) ? grads.out(0) : Tensor::empty_like(similarity);
        Tensor dr = grads.wants(1) ? grads.out(1) : Tensor{};
        backend_of(similarity)
            .pair_loss_backward(similarity, nullable_score, positive, spec, lse, dloss, ds, dr);
      });
  return {.loss = loss, .statistics = statistics};
}

}  // namespace amcl
