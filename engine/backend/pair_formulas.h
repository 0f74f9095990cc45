// The formulas of one pair (spec S3.2, S3.4, S3.6) in the number type of a kernel, shared by every
// implementation of the pair kernels, and what those count. s is the similarity, r the score, t the temperature tau, l
// the scaled logit; (beta, a) belong to the kind of the pair.
//
//   t = low + (high - low) sg,   sg = sigmoid(-(r + bias)),   dt/dr = -(high - low) sg (1 - sg)
//   l = (s - beta) / t - beta a log t,   dl/ds = 1 / t,   dl/dt = (beta - s) / t^2 - beta a / t
//   Omega(t; a) = a log t + 1 / t
#pragma once
#include <cmath>

#include "engine/backend/op_specs.h"
#include "engine/core/host_device.h"

namespace amcl {

// A temperature and its derivative in the score.
template <class T>
struct ScoredTemperature {
  T tau;
  T slope;
};

template <class T>
struct TemperatureFormula {
  T low;
  T high;
  T bias;

  explicit TemperatureFormula(const TemperatureRange& range)
      : low(static_cast<T>(range.low)),
        high(static_cast<T>(range.high)),
        bias(static_cast<T>(range.bias)) {}

  // Both factors of the slope come from the exponential, because 1 - sg cancels near the bounds
  // (spec S8.2); tau is clamped because rounding may leave the range (S8.3).
  AMCL_HOST_DEVICE ScoredTemperature<T> operator()(T r) const {
    const T x = r + bias;
    const T decay = std::exp(-std::abs(x));
    const T share = T(1) / (T(1) + decay);
    const T sigmoid = x >= T(0) ? decay * share : share;  // of -x
    const T tau = low + (high - low) * sigmoid;
    return {tau < low ? low : (tau > high ? high : tau), -(high - low) * decay * share * share};
  }
};

// Weight and slope of the regulariser of one kind of pair: beta Omega(t; a).
template <class T>
struct OmegaFormula {
  T beta;
  T a;

  OmegaFormula(double weight, double slope)
      : beta(static_cast<T>(weight)), a(static_cast<T>(slope)) {}

  AMCL_HOST_DEVICE T omega(T tau) const { return beta * (a * std::log(tau) + T(1) / tau); }
  AMCL_HOST_DEVICE T omega_derivative(T tau) const { return beta * (a - T(1) / tau) / tau; }
  // l, the scaled logit of a pair whose regulariser this is. The logarithm is skipped where its
  // weight is 0: most runs place the regulariser outside the logits.
  AMCL_HOST_DEVICE T logit(T s, T tau) const {
    const T scaled = (s - beta) / tau;
    return beta == T(0) ? scaled : scaled - beta * a * std::log(tau);
  }
  AMCL_HOST_DEVICE T logit_derivative(T s, T tau) const {  // in tau
    return ((beta - s) / tau - beta * a) / tau;
  }
};

// Of the loss of an anchor in the similarity and the score of one pair.
template <class T>
struct PairDerivatives {
  T ds;
  T dr;
};

// PairLossSpec in the number type of the kernel.
template <class T>
struct PairLossFormulas {
  explicit PairLossFormulas(const PairLossSpec& spec)
      : adaptive(spec.adaptive),
        constant(static_cast<T>(spec.temperature)),
        scored(spec.range),
        positive(spec.beta_positive, spec.a_positive),
        negative(spec.beta_negative, spec.a_negative),
        anchor(spec.anchor_beta, spec.anchor_a) {}

  AMCL_HOST_DEVICE ScoredTemperature<T> temperature(const T* r, int64_t j) const {
    return adaptive ? scored(r[j]) : ScoredTemperature<T>{constant, T(0)};
  }
  // Times the cotangent dloss of the anchor. `weight` is that of the pair's logit in the reduction;
  // the positive's logit is subtracted too, and it carries the regulariser outside.
  AMCL_HOST_DEVICE PairDerivatives<T> derivatives(bool is_positive, T s,
                                                  const ScoredTemperature<T>& at, T weight,
                                                  T dloss) const {
    const T dl = dloss * (is_positive ? weight - T(1) : weight);
    T dtau = dl * (is_positive ? positive : negative).logit_derivative(s, at.tau);
    if (is_positive) dtau += dloss * anchor.omega_derivative(at.tau);
    return {dl / at.tau, dtau * at.slope};
  }

  bool adaptive;
  T constant;
  TemperatureFormula<T> scored;
  OmegaFormula<T> positive;
  OmegaFormula<T> negative;
  OmegaFormula<T> anchor;
};

// The candidates of one anchor, and D(i), those that its reduction runs over: all but itself, and but
// its positive if the spec says so.
struct AnchorCandidates {
  int64_t candidates;
  int64_t positive;
  int64_t self;  // -1: not among the candidates
  bool with_positive;

  // kNoSelf is so small that the sum stays negative.
  AMCL_HOST_DEVICE AnchorCandidates(const PairLossSpec& spec, int64_t anchor, int64_t count,
                                    int64_t positive_candidate)
      : candidates(count),
        positive(positive_candidate),
        self(anchor + spec.self_offset),
        with_positive(spec.with_positive) {
    if (self < 0 || self >= candidates) self = -1;
  }
  // Whether j is in D(i).
  AMCL_HOST_DEVICE bool includes(int64_t j) const {
    return j != self && (with_positive || j != positive);
  }
  // The size of D(i).
  AMCL_HOST_DEVICE int64_t denominator() const {
    return candidates - (self >= 0 ? 1 : 0) - (with_positive ? 0 : 1);
  }
  // How many of them the reducers topk and hard take.
  AMCL_HOST_DEVICE int64_t selection_size(const PairLossSpec& spec) const {
    const int64_t wanted = spec.reducer == PairReducer::hard ? 1 : spec.topk;
    return wanted < denominator() ? wanted : denominator();
  }
};

// Which temperatures count as lying at a bound of their range.
struct TemperatureBounds {
  double low;
  double high;
  double margin;

  AMCL_HOST_DEVICE explicit TemperatureBounds(const TemperatureRange& range)
      : low(range.low), high(range.high), margin(kBoundMargin * (high - low)) {}

  AMCL_HOST_DEVICE bool holds(double tau) const {
    return tau - low <= margin || high - tau <= margin;
  }
};

// Of `count` values from their sum and that of their squares.
AMCL_HOST_DEVICE inline double standard_deviation(double sum, double squares, double count) {
  const double mean = sum / count;
  const double variance = squares / count - mean * mean;
  return std::sqrt(variance > 0.0 ? variance : 0.0);
}

}  // namespace amcl
