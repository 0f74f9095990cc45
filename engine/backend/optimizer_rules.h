// The rules by which optimisers move parameters over flat memory, as host and device compute them. A rule
// names its state and makes the update of one element; the rest is one kernel for all of them
// (optimizer_step of kernel_table.h). p is a parameter, g its gradient, which is multiplied by `scale`
// first.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <variant>

#include "engine/core/host_device.h"

namespace amcl {

// A run of elements of the flat parameter memory that the optimiser treats alike.
struct OptimizerSegment {
  int64_t begin = 0;
  int64_t end = 0;
  double weight_decay = 0.0;
  double rate_scale = 1.0;  // multiplies the learning rate
  bool trust_ratio = true;  // LARS: scale by the ratio of norms; false for norms and biases
};

// What the updates of a segment's elements share.
template <class T>
struct SegmentStep {
  T rate;
  T scale;
  T decay;
  T trust;      // what the direction is multiplied with, 1 but for LARS
  double step;  // of the run, from 1
};

// SGD and LARS: p -= rate v or its Nesterov form, with d = trust (scale g + decay p), v = momentum v + d.
template <class T>
struct MomentumUpdate {
  SegmentStep<T> at;
  T momentum;
  bool nesterov;

  AMCL_HOST_DEVICE void operator()(T gradient, T& value, T& velocity) const {
    const T p = value;  // kept here: to the compiler the two references may be one
    const T d = at.trust * (at.scale * gradient + at.decay * p);
    const T v = momentum * velocity + d;
    velocity = v;
    value = p - at.rate * (nesterov ? d + momentum * v : v);
  }
};

struct SgdSpec {
  static constexpr const char* kName = "sgd";
  static constexpr double kUsualRate = 0.06;
  static constexpr std::array kMemories = {"velocity"};

  double momentum = 0.9;
  bool nesterov = false;

  template <class T>
  AMCL_HOST_DEVICE MomentumUpdate<T> update(const SegmentStep<T>& at) const {
    return {.at = at, .momentum = static_cast<T>(momentum), .nesterov = nesterov};
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

// `clip_ratio` is solo-learn's variant: min(ratio / rate, 1) with ratio = trust |p| / (|g| + decay |p| +
// epsilon) takes the place of the ratio.
struct LarsSpec {
  static constexpr const char* kName = "lars";
  static constexpr double kUsualRate = 0.06;
  static constexpr std::array kMemories = {"velocity"};

  double momentum = 0.9;
  double trust = 1e-3;
  double epsilon = 1e-9;
  bool clip_ratio = false;

  // What the direction of a segment is multiplied with.
  AMCL_HOST_DEVICE double trust_ratio(double decay, const LarsNorms& norms, double rate) const {
    if (!clip_ratio)
      return norms.value > 0.0 && norms.direction > 0.0
                 ? trust * norms.value / (norms.direction + epsilon)
                 : 1.0;
    if (norms.value <= 0.0 || norms.gradient <= 0.0) return 1.0;
    const double direction = norms.gradient + decay * norms.value;
    const double ratio = trust * norms.value / (direction + epsilon) / rate;
    return 1.0 < ratio ? 1.0 : ratio;
  }

  template <class T>
  AMCL_HOST_DEVICE MomentumUpdate<T> update(const SegmentStep<T>& at) const {
    return {.at = at, .momentum = static_cast<T>(momentum), .nesterov = false};
  }
};

// AdamW, with d = scale g:
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

struct AdamWSpec {
  static constexpr const char* kName = "adamw";
  static constexpr double kUsualRate = 1e-3;
  static constexpr std::array kMemories = {"first_moment", "second_moment"};

  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  template <class T>
  AMCL_HOST_DEVICE AdamWUpdate<T> update(const SegmentStep<T>& at) const {
    return {.beta1 = static_cast<T>(beta1),
            .beta2 = static_cast<T>(beta2),
            .rest1 = static_cast<T>(1.0 - beta1),
            .rest2 = static_cast<T>(1.0 - beta2),
            .correction1 = static_cast<T>(1.0 - std::pow(beta1, at.step)),
            .correction2 = static_cast<T>(1.0 - std::pow(beta2, at.step)),
            .epsilon = static_cast<T>(epsilon),
            .rate = at.rate,
            .scale = at.scale,
            .kept = T(1) - at.rate * at.decay};
  }
};

using OptimizerRule = std::variant<SgdSpec, LarsSpec, AdamWSpec>;

// Whether the rule scales the direction of each tensor by a ratio of norms.
template <class Rule>
inline constexpr bool kHasTrustRatio = requires(const Rule& rule, const LarsNorms& norms) {
  rule.trust_ratio(0.0, norms, 0.0);
};

// Calls update on element i of value, gradient and as many memories as the rule has.
template <class Update, class T, size_t n>
AMCL_HOST_DEVICE void update_element(const Update& update, int64_t i, const T* gradient, T* value,
                                     const std::array<T*, n>& memories) {
  if constexpr (n == 1)
    update(gradient[i], value[i], memories[0][i]);
  else
    update(gradient[i], value[i], memories[0][i], memories[1][i]);
}

}  // namespace amcl
