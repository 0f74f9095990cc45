#include "models/objectives/amcl_options.h"

#include "engine/core/check.h"

namespace amcl {

OmegaWeights omega_weights(const AmclOptions& options, int64_t features) {
  const double a = options.a.value_or(0.5 * static_cast<double>(features));
  return {
      .beta_positive = options.beta,
      .a_positive = a,
      .beta_negative = options.beta_negative.value_or(
          options.sums_negatives ? static_cast<double>(options.topk) * options.beta : options.beta),
      .a_negative = options.a_negative.value_or(a)};
}

void fill_omega_weights(AmclOptions& options, int64_t features, bool negatives) {
  const OmegaWeights weights = omega_weights(options, features);
  options.a = weights.a_positive;
  if (!negatives) return;
  options.beta_negative = weights.beta_negative;
  options.a_negative = weights.a_negative;
}

void check_options(const char* objective, const AmclOptions& options) {
  const TemperatureRange& range = options.range;
  if (options.adaptive)
    AMCL_CHECK(range.low > 0.0 && range.low < range.high, objective,
               ": the temperature's bounds must satisfy 0 < low < high, got low = ", range.low,
               " and high = ", range.high);
  else
    AMCL_CHECK(options.temperature > 0.0, objective, ": the temperature must be positive, got ",
               options.temperature);
  AMCL_CHECK(options.reducer != PairReducer::topk || options.topk >= 1, objective,
             ": topk must be at least 1, got ", options.topk);
  AMCL_CHECK(options.beta >= 0.0, objective, ": beta must not be negative, got ", options.beta);
  AMCL_CHECK(options.beta_negative.value_or(0.0) >= 0.0, objective,
             ": beta_negative must not be negative, got ", *options.beta_negative);
}

void check_net(const char* objective, const AmclOptions& options, bool has_net) {
  AMCL_CHECK(has_net == options.adaptive, objective,
             options.adaptive ? ": an adaptive temperature needs a temperature net"
                              : ": a constant temperature has no use for a temperature net");
}

PairLossSpec pair_loss_spec(const AmclOptions& options, int64_t features) {
  const OmegaWeights weights = omega_weights(options, features);
  PairLossSpec spec{.reducer = options.reducer,
                    .topk = options.topk,
                    .with_positive = options.with_positive,
                    .adaptive = options.adaptive,
                    .temperature = options.temperature,
                    .range = options.range};
  if (options.placement == OmegaPlacement::paired) {
    spec.beta_positive = weights.beta_positive;
    spec.a_positive = weights.a_positive;
    spec.beta_negative = weights.beta_negative;
    spec.a_negative = weights.a_negative;
  } else {
    spec.anchor_beta = weights.beta_positive;
    spec.anchor_a = weights.a_positive;
  }
  return spec;
}

}  // namespace amcl
