// The updates of the optimisers in the number type of a kernel, shared by every implementation. p is
// the parameter, g its gradient, which is multiplied by `scale` first.
#pragma once
#include <cmath>

#include "engine/backend/op_specs.h"
#include "engine/core/host_device.h"

namespace amcl {

// SGD and LARS for one element: p -= rate v or its Nesterov form, with
// d = factor (scale g + decay p), v = momentum v + d.
template <class T>
struct MomentumUpdate {
  T momentum;
  bool nesterov;
  T rate;
  T scale;
  T decay;
  T factor;

  AMCL_HOST_DEVICE void operator()(T gradient, T& value, T& velocity) const {
    const T p = value;  // kept here: to the compiler the two references may be one
    const T d = factor * (scale * gradient + decay * p);
    const T v = momentum * velocity + d;
    velocity = v;
    value = p - rate * (nesterov ? d + momentum * v : v);
  }
};

// What LARS knows of a segment: |p|, |scale g| and |scale g + decay p|, or their squares.
struct LarsNorms {
  double value = 0.0;
  double gradient = 0.0;
  double direction = 0.0;

  // Adds one element to the squares.
  AMCL_HOST_DEVICE void add(double p, double scaled_g, double decay) {
    const double d = scaled_g + decay * p;
    value += p * p;
    gradient += scaled_g * scaled_g;
    direction += d * d;
  }
  AMCL_HOST_DEVICE LarsNorms roots() const {
    return {std::sqrt(value), std::sqrt(gradient), std::sqrt(direction)};
  }
};

// What LARS multiplies the direction with. solo-learn's variant takes |g| + decay |p| for the norm of
// the direction and limits the resulting rate to the plain one.
AMCL_HOST_DEVICE inline double trust_ratio(const LarsSpec& spec, double decay,
                                           const LarsNorms& norms, double rate) {
  if (!spec.clip_ratio)
    return norms.value > 0.0 && norms.direction > 0.0
               ? spec.trust * norms.value / (norms.direction + spec.epsilon)
               : 1.0;
  if (norms.value <= 0.0 || norms.gradient <= 0.0) return 1.0;
  const double direction = norms.gradient + decay * norms.value;
  const double ratio = spec.trust * norms.value / (direction + spec.epsilon) / rate;
  return 1.0 < ratio ? 1.0 : ratio;
}

// AdamW for one element, with d = scale g:
//   m = beta1 m + (1 - beta1) d,  v = beta2 v + (1 - beta2) d^2,
//   p = (1 - rate decay) p - rate (m / correction1) / (sqrt(v / correction2) + epsilon)
template <class T>
struct AdamWUpdate {
  T beta1;
  T beta2;
  T rest1;  // 1 - beta
  T rest2;
  T correction1;  // 1 - beta^step
  T correction2;
  T epsilon;
  T rate;
  T scale;
  T kept;  // 1 - rate decay

  // `step` counts from 1.
  AMCL_HOST_DEVICE static AdamWUpdate at(const AdamWSpec& spec, double step, T rate, T scale,
                                         double decay) {
    return {.beta1 = static_cast<T>(spec.beta1),
            .beta2 = static_cast<T>(spec.beta2),
            .rest1 = static_cast<T>(1.0 - spec.beta1),
            .rest2 = static_cast<T>(1.0 - spec.beta2),
            .correction1 = static_cast<T>(1.0 - std::pow(spec.beta1, step)),
            .correction2 = static_cast<T>(1.0 - std::pow(spec.beta2, step)),
            .epsilon = static_cast<T>(spec.epsilon),
            .rate = rate,
            .scale = scale,
            .kept = T(1) - rate * static_cast<T>(decay)};
  }

  AMCL_HOST_DEVICE void operator()(T gradient, T& value, T& first_moment, T& second_moment) const {
    const T p = value;
    const T d = scale * gradient;
    const T m = beta1 * first_moment + rest1 * d;
    const T v = beta2 * second_moment + rest2 * d * d;
    first_moment = m;
    second_moment = v;
    value = kept * p - rate * (m / correction1) / (std::sqrt(v / correction2) + epsilon);
  }
};

}  // namespace amcl
