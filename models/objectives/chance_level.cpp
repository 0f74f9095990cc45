#include "models/objectives/chance_level.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/pair_formulas.h"

namespace amcl {

double start_temperature(const PairLossSpec& spec) {
  return spec.adaptive ? TemperatureFormula<double>(spec.range)(0.0).tau : spec.temperature;
}

int64_t selected_count(const PairLossSpec& spec) {
  return spec.reducer == PairReducer::hard ? 1 : spec.topk;
}

double tied_chance_level(const PairLossSpec& spec, int64_t heads, int64_t negatives,
                         double positive_share) {
  const double tau = start_temperature(spec);
  const double positive = OmegaFormula<double>(spec.beta_positive, spec.a_positive).logit(0.0, tau);
  const double negative = OmegaFormula<double>(spec.beta_negative, spec.a_negative).logit(0.0, tau);
  double reduced = negative;
  if (spec.reducer == PairReducer::lse) {
    const double shift = std::max(positive, negative);
    reduced = shift + std::log((spec.with_positive ? std::exp(positive - shift) : 0.0) +
                               static_cast<double>(negatives) * std::exp(negative - shift));
  } else if (spec.with_positive) {
    reduced += (positive - negative) * positive_share;
  }
  const double anchor = OmegaFormula<double>(spec.anchor_beta, spec.anchor_a).omega(tau);
  return static_cast<double>(heads) * (reduced - positive + anchor);
}

}  // namespace amcl
