#include "engine/ops/pair_checks.h"

#include "engine/ops/checks.h"

namespace amcl {

void check_pair_spec(const char* op, const PairLossSpec& spec, bool has_scores) {
  const TemperatureRange& range = spec.range;
  if (spec.adaptive)
    AMCL_CHECK(range.low > 0.0 && range.low < range.high, op,
               ": the temperature range must satisfy 0 < low < high, got ", range.low, " to ",
               range.high);
  else
    AMCL_CHECK(spec.temperature > 0.0, op, ": the temperature must be positive, got ",
               spec.temperature);
  AMCL_CHECK(spec.reducer != PairReducer::topk || spec.topk >= 1, op,
             ": topk must be at least 1, got ", spec.topk);
  AMCL_CHECK(spec.beta_positive >= 0.0 && spec.beta_negative >= 0.0 && spec.anchor_beta >= 0.0, op,
             ": no beta may be negative, got ", spec.beta_positive, ", ", spec.beta_negative,
             " and ", spec.anchor_beta);
  AMCL_CHECK(has_scores == spec.adaptive, op, ": the temperature is ",
             spec.adaptive ? "adaptive, so scores are needed" : "constant, so scores have no use");
}

void check_positives(const char* op, const Shape& pairs, const Tensor& positive,
                     const PairLossSpec& spec) {
  AMCL_CHECK(positive.dtype() == DType::i32 && positive.shape() == Shape{pairs[1]}, op,
             ": positive must be i32 ", Shape{pairs[1]}, " to match similarity ", pairs, ", got ",
             positive.dtype(), " ", positive.shape());
  const bool holds_self = spec.self_offset > -pairs[1] && spec.self_offset < pairs[2];
  const int64_t denominator = pairs[2] - (holds_self ? 1 : 0) - (spec.with_positive ? 0 : 1);
  AMCL_CHECK(denominator >= 1, op, ": an anchor has no candidate to be compared with: ", pairs[2],
             " candidates", holds_self ? ", less itself" : "",
             spec.with_positive ? "" : ", less its positive");
}

void check_concat_scores(const char* op, const Tensor& a, const Tensor& b, const Tensor& w2,
                         const Tensor& b2) {
  AMCL_CHECK(a.rank() == 3 && b.rank() == 3 && a.dim(0) == b.dim(0) && a.dim(2) == b.dim(2), op,
             ": a and b must be [heads, rows, h] with the same heads and h, got ", a.shape(),
             " and ", b.shape());
  AMCL_CHECK(w2.rank() == 2 && (w2.dim(0) == 1 || w2.dim(0) == a.dim(0)) && w2.dim(1) == a.dim(2),
             op, ": w2 must be [1 or ", a.dim(0), ", ", a.dim(2), "] to match a ", a.shape(),
             ", got ", w2.shape());
  AMCL_CHECK(b2.shape() == Shape{w2.dim(0)}, op, ": b2 must be ", Shape{w2.dim(0)}, " to match w2 ",
             w2.shape(), ", got ", b2.shape());
  check_same_kind(op, "a", a, "b", b);
  check_same_kind(op, "a", a, "w2", w2);
  check_same_kind(op, "a", a, "b2", b2);
}

}  // namespace amcl
