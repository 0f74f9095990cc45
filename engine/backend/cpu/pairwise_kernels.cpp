#include "engine/backend/cpu/pairwise_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/pairwise_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Temperatures of a vector of scores, and the logits and derivatives that follow from them.
template <bool kAdaptive, bool kOmega>
class PairFormulas {
 public:
  explicit PairFormulas(const NegativePairs& pairs)
      : one_(hn::Set(d_, 1.0f)),
        low_(hn::Set(d_, pairs.low)),
        high_(hn::Set(d_, pairs.high)),
        width_(hn::Set(d_, pairs.high - pairs.low)),
        bias_(hn::Set(d_, pairs.bias)),
        constant_(hn::Set(d_, pairs.temperature)),
        beta_(hn::Set(d_, pairs.beta)),
        beta_a_(hn::Set(d_, pairs.beta * pairs.a)) {}

  // Reads r only if adaptive. A score that is not a number gives a temperature that is none.
  void read_scores(const float* HWY_RESTRICT r) {
    if constexpr (kAdaptive) {
      const V x = hn::Add(hn::LoadU(d_, r), bias_);
      const V decay = hn::Exp(d_, hn::Neg(hn::Abs(x)));
      const V share = hn::Div(one_, hn::Add(one_, decay));
      const V decayed_share = hn::Mul(decay, share);
      const V sigmoid = hn::IfThenElse(hn::Ge(x, hn::Zero(d_)), decayed_share, share);
      const V unclamped = hn::MulAdd(width_, sigmoid, low_);
      tau_ = hn::IfThenElse(hn::IsNaN(x), x, hn::Min(hn::Max(unclamped, low_), high_));
      slope_ = hn::Mul(hn::Neg(width_), hn::Mul(decayed_share, share));
    } else {
      tau_ = constant_;
    }
    inverse_ = hn::Div(one_, tau_);
  }

  V tau() const { return tau_; }
  V inverse() const { return inverse_; }
  V slope() const { return slope_; }
  V logit(V s) const {
    if constexpr (kOmega)
      return hn::NegMulAdd(beta_a_, hn::Log(d_, tau_), hn::Mul(hn::Sub(s, beta_), inverse_));
    else
      return hn::Mul(s, inverse_);
  }
  V logit_derivative(V s) const {  // in tau
    if constexpr (kOmega)
      return hn::Mul(hn::MulSub(hn::Sub(beta_, s), inverse_, beta_a_), inverse_);
    else
      return hn::Neg(hn::Mul(hn::Mul(s, inverse_), inverse_));
  }

 private:
  D d_;
  V one_, low_, high_, width_, bias_, constant_, beta_, beta_a_;
  V tau_, inverse_, slope_;
};

// The rest of a run that fills no vector is taken from copies padded with zeros, because a masked
// load may read past the end on the baseline.
constexpr int64_t kMaxLanes = HWY_MAX_BYTES / sizeof(float);

constexpr auto kMargin = static_cast<float>(kBoundMargin);

template <bool kAdaptive, bool kOmega>
class LogitRun {
 public:
  LogitRun(const NegativePairs& pairs, NegativePairSums& sums)
      : formulas_(pairs),
        sums_(sums),
        low_margin_(hn::Set(d_, pairs.low + kMargin * (pairs.high - pairs.low))),
        high_margin_(hn::Set(d_, pairs.high - kMargin * (pairs.high - pairs.low))),
        similarity_(hn::Zero(d_)),
        similarity_squares_(hn::Zero(d_)),
        temperature_(hn::Zero(d_)),
        temperature_squares_(hn::Zero(d_)),
        temperature_min_(hn::Set(d_, sums.temperature_min)),
        temperature_max_(hn::Set(d_, sums.temperature_max)),
        logit_min_(hn::Set(d_, sums.logit_min)),
        logit_max_(hn::Set(d_, sums.logit_max)) {}

  void run(const float* HWY_RESTRICT s, const float* HWY_RESTRICT r, int64_t count,
           float* HWY_RESTRICT logit) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d_));
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
      step<false>(s + i, kAdaptive ? r + i : nullptr, logit + i, lanes);
    if (i < count) {
      HWY_ALIGN float s_tail[kMaxLanes] = {};
      HWY_ALIGN float r_tail[kMaxLanes] = {};
      HWY_ALIGN float logit_tail[kMaxLanes];
      const auto bytes = static_cast<size_t>(count - i) * sizeof(float);
      std::memcpy(s_tail, s + i, bytes);
      if (kAdaptive) std::memcpy(r_tail, r + i, bytes);
      step<true>(s_tail, r_tail, logit_tail, count - i);
      std::memcpy(logit + i, logit_tail, bytes);
    }
    store();
  }

 private:
  template <bool kTail>
  void step(const float* HWY_RESTRICT s, const float* HWY_RESTRICT r, float* HWY_RESTRICT logit,
            int64_t active) {
    const auto mask = hn::FirstN(d_, static_cast<size_t>(active));
    const V similarity = hn::LoadU(d_, s);
    formulas_.read_scores(r);
    const V value = formulas_.logit(similarity);
    hn::StoreU(value, d_, logit);
    V tau = formulas_.tau();
    similarity_ = hn::Add(similarity_, similarity);
    similarity_squares_ = hn::MulAdd(similarity, similarity, similarity_squares_);
    logit_min_ = hn::Min(logit_min_, kTail ? hn::IfThenElse(mask, value, logit_min_) : value);
    logit_max_ = hn::Max(logit_max_, kTail ? hn::IfThenElse(mask, value, logit_max_) : value);
    if constexpr (kAdaptive) {
      temperature_min_ =
          hn::Min(temperature_min_, kTail ? hn::IfThenElse(mask, tau, temperature_min_) : tau);
      temperature_max_ =
          hn::Max(temperature_max_, kTail ? hn::IfThenElse(mask, tau, temperature_max_) : tau);
      auto at_bound = hn::Or(hn::Le(tau, low_margin_), hn::Ge(tau, high_margin_));
      if constexpr (kTail) {
        at_bound = hn::And(at_bound, mask);
        tau = hn::IfThenElseZero(mask, tau);
      }
      sums_.at_bound += static_cast<int64_t>(hn::CountTrue(d_, at_bound));
      temperature_ = hn::Add(temperature_, tau);
      temperature_squares_ = hn::MulAdd(tau, tau, temperature_squares_);
    }
  }

  double sum(V v) const { return static_cast<double>(hn::GetLane(hn::SumOfLanes(d_, v))); }
  void store() {
    sums_.similarity += sum(similarity_);
    sums_.similarity_squares += sum(similarity_squares_);
    sums_.temperature += sum(temperature_);
    sums_.temperature_squares += sum(temperature_squares_);
    sums_.temperature_min = hn::GetLane(hn::MinOfLanes(d_, temperature_min_));
    sums_.temperature_max = hn::GetLane(hn::MaxOfLanes(d_, temperature_max_));
    sums_.logit_min = hn::GetLane(hn::MinOfLanes(d_, logit_min_));
    sums_.logit_max = hn::GetLane(hn::MaxOfLanes(d_, logit_max_));
  }

  D d_;
  PairFormulas<kAdaptive, kOmega> formulas_;
  NegativePairSums& sums_;
  V low_margin_, high_margin_;
  V similarity_, similarity_squares_, temperature_, temperature_squares_;
  V temperature_min_, temperature_max_, logit_min_, logit_max_;
};

// Calls body.template operator()<kAdaptive, kOmega>() for the form that the pairs have.
template <class Body>
void DispatchForm(const NegativePairs& pairs, const Body& body) {
  if (pairs.adaptive)
    pairs.beta != 0.0f ? body.template operator()<true, true>()
                       : body.template operator()<true, false>();
  else
    pairs.beta != 0.0f ? body.template operator()<false, true>()
                       : body.template operator()<false, false>();
}

void Logits(const NegativePairs& pairs, const float* s, const float* r, int64_t count, float* logit,
            NegativePairSums& sums) {
  DispatchForm(pairs, [&]<bool kAdaptive, bool kOmega>() {
    LogitRun<kAdaptive, kOmega>(pairs, sums).run(s, r, count, logit);
  });
}

double ExpSum(const float* HWY_RESTRICT logit, int64_t count, float shift) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V shifts = hn::Set(d, shift);
  V sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    sum = hn::Add(sum, hn::Exp(d, hn::Sub(hn::LoadU(d, logit + i), shifts)));
  if (i < count) {
    HWY_ALIGN float tail[kMaxLanes] = {};
    std::memcpy(tail, logit + i, static_cast<size_t>(count - i) * sizeof(float));
    const auto mask = hn::FirstN(d, static_cast<size_t>(count - i));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, hn::Exp(d, hn::Sub(hn::Load(d, tail), shifts))));
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

template <bool kAdaptive, bool kOmega>
class GradientRun {
 public:
  GradientRun(const NegativePairs& pairs, float lse, float dloss)
      : formulas_(pairs), lse_(hn::Set(d_, lse)), dloss_(hn::Set(d_, dloss)) {}

  void run(const float* HWY_RESTRICT s, const float* HWY_RESTRICT r, int64_t count,
           float* HWY_RESTRICT ds, float* HWY_RESTRICT dr) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d_));
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
      step(s + i, kAdaptive ? r + i : nullptr, ds + i, dr == nullptr ? nullptr : dr + i);
    if (i == count) return;
    HWY_ALIGN float s_tail[kMaxLanes] = {};
    HWY_ALIGN float r_tail[kMaxLanes] = {};
    HWY_ALIGN float ds_tail[kMaxLanes];
    HWY_ALIGN float dr_tail[kMaxLanes];
    const auto bytes = static_cast<size_t>(count - i) * sizeof(float);
    std::memcpy(s_tail, s + i, bytes);
    if (kAdaptive) std::memcpy(r_tail, r + i, bytes);
    step(s_tail, r_tail, ds_tail, dr == nullptr ? nullptr : dr_tail);
    std::memcpy(ds + i, ds_tail, bytes);
    if (dr != nullptr) std::memcpy(dr + i, dr_tail, bytes);
  }

 private:
  void step(const float* HWY_RESTRICT s, const float* HWY_RESTRICT r, float* HWY_RESTRICT ds,
            float* HWY_RESTRICT dr) {
    const V similarity = hn::LoadU(d_, s);
    formulas_.read_scores(r);
    const V dl = hn::Mul(dloss_, hn::Exp(d_, hn::Sub(formulas_.logit(similarity), lse_)));
    hn::StoreU(hn::Mul(dl, formulas_.inverse()), d_, ds);
    if constexpr (kAdaptive)
      if (dr != nullptr)
        hn::StoreU(hn::Mul(hn::Mul(dl, formulas_.logit_derivative(similarity)), formulas_.slope()),
                   d_, dr);
  }

  D d_;
  PairFormulas<kAdaptive, kOmega> formulas_;
  V lse_, dloss_;
};

void Gradients(const NegativePairs& pairs, const float* s, const float* r, int64_t count, float lse,
               float dloss, float* ds, float* nullable_dr) {
  DispatchForm(pairs, [&]<bool kAdaptive, bool kOmega>() {
    GradientRun<kAdaptive, kOmega>(pairs, lse, dloss).run(s, r, count, ds, nullable_dr);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(Logits);
HWY_EXPORT(ExpSum);
HWY_EXPORT(Gradients);

NegativePairSums::NegativePairSums()
    : temperature_min(std::numeric_limits<float>::infinity()),
      temperature_max(0.0f),
      logit_min(std::numeric_limits<float>::infinity()),
      logit_max(-std::numeric_limits<float>::infinity()) {}

void negative_pair_logits(const NegativePairs& pairs, const float* s, const float* r, int64_t count,
                          float* logit, NegativePairSums& sums) {
  HWY_DYNAMIC_DISPATCH(Logits)(pairs, s, r, count, logit, sums);
}

double sum_of_shifted_exponentials(const float* logit, int64_t count, float shift) {
  return HWY_DYNAMIC_DISPATCH(ExpSum)(logit, count, shift);
}

void negative_pair_gradients(const NegativePairs& pairs, const float* s, const float* r,
                             int64_t count, float lse, float dloss, float* ds, float* nullable_dr) {
  HWY_DYNAMIC_DISPATCH(Gradients)(pairs, s, r, count, lse, dloss, ds, nullable_dr);
}

}  // namespace amcl
#endif  // HWY_ONCE
