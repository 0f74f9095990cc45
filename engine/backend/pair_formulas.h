// The formulas of one pair (spec S3.2, S3.4, S3.6) in the number type of a kernel, shared by every
// implementation of the pair kernels. s is the similarity, r the score, t the temperature tau, l
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

  bool adaptive;
  T constant;
  TemperatureFormula<T> scored;
  OmegaFormula<T> positive;
  OmegaFormula<T> negative;
  OmegaFormula<T> anchor;
};

}  // namespace amcl
