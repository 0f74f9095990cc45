#include "train/config/objective_config.h"

#include <cmath>

#include "train/config/method_config.h"

namespace amcl {
namespace {

PairReducer reducer_of(const std::string& name) {
  if (name == "hard") return PairReducer::hard;
  return name == "topk" ? PairReducer::topk : PairReducer::lse;
}

std::string name_of(PairReducer reducer) {
  if (reducer == PairReducer::hard) return "hard";
  return reducer == PairReducer::topk ? "topk" : "lse";
}

// Calls assign(value) if the key is set.
template <class T, class Assign>
void if_set(const std::optional<T>& key, const Assign& assign) {
  if (key) assign(*key);
}

template <class T>
void override_with(T& value, const std::optional<T>& key) {
  if (key) value = *key;
}

template <class T>
void fill(std::optional<T>& key, const T& value) {
  if (!key) key = value;
}

// Of the constant temperature that `fixed` means (spec S11).
double usual_temperature(const std::string& method) {
  return method == "moco" ? 0.1 : 0.5;
}

std::string plain_objective(const std::string& method) {
  if (method == "moco") return "infonce_queue";
  return method == "simclr" ? "ntxent" : method;
}

}  // namespace

ObjectiveOptions objective_options(const Config& config) {
  const ObjectiveConfig keys = with_method(config).objective;
  const std::string& method = config.model.method;
  ObjectiveOptions options =
      resolve_objective(keys.objective, *keys.temperature, usual_temperature(method));
  if (!options.adaptive) options.name = plain_objective(method);
  if (options.adaptive && method == "simsiam") options = simsiam_preset();
  if (options.adaptive && method == "barlow") options = barlow_preset();
  options.head_decorrelation = keys.head_decorrelation;
  if (!options.adaptive) return options;

  AmclOptions& amcl = options.amcl;
  // The authors' second release sums the regularizer of the kappa negatives (spec S10c).
  const bool sums_negatives = keys.objective == "amcl-topk";
  override_with(amcl.range.low, keys.temperature_low);
  override_with(amcl.range.high, keys.temperature_high);
  if_set(keys.reducer, [&](const std::string& name) { amcl.reducer = reducer_of(name); });
  override_with(amcl.topk, keys.topk);
  override_with(amcl.with_positive, keys.with_positive);
  if_set(keys.omega, [&](const std::string& name) {
    amcl.placement = name == "paired" ? OmegaPlacement::paired : OmegaPlacement::anchored;
  });
  override_with(amcl.beta, keys.beta);
  if (keys.omega_a) amcl.a = keys.omega_a;
  if (sums_negatives) amcl.beta_negative = static_cast<double>(amcl.topk) * amcl.beta;
  if (keys.beta_negative) amcl.beta_negative = keys.beta_negative;
  if (keys.omega_a_negative) amcl.a_negative = keys.omega_a_negative;

  TemperatureNetOptions& net = options.temperature_net;
  if_set(keys.phi, [&](const std::string& name) {
    net.kind = name == "concat" ? TemperatureNetKind::concat : TemperatureNetKind::dot;
  });
  override_with(net.hidden, keys.phi_hidden);
  override_with(net.shared, keys.phi_shared);
  override_with(net.score_scale, keys.score_scale);
  return options;
}

int64_t temperature_warmup_steps(const Config& config, int64_t steps_per_epoch) {
  if (with_method(config).objective.temperature != "adaptive") return 0;
  return std::llround(config.objective.temperature_warmup_epochs.value_or(0.0) *
                      static_cast<double>(steps_per_epoch));
}

Config with_preset(const Config& config) {
  const ObjectiveOptions options = objective_options(config);
  Config filled = with_method(config);
  if (!options.adaptive) return filled;

  const AmclOptions& amcl = options.amcl;
  const TemperatureNetOptions& net = options.temperature_net;
  const OmegaWeights weights = omega_weights(amcl, *filled.model.head_dim);
  ObjectiveConfig& keys = filled.objective;
  fill(keys.temperature_low, amcl.range.low);
  fill(keys.temperature_high, amcl.range.high);
  fill(keys.temperature_warmup_epochs, 0.0);
  fill(keys.reducer, name_of(amcl.reducer));
  if (keys.reducer == "topk") fill(keys.topk, amcl.topk);
  fill(keys.with_positive, amcl.with_positive);
  fill(keys.omega, std::string(amcl.placement == OmegaPlacement::paired ? "paired" : "anchored"));
  fill(keys.beta, weights.beta_positive);
  fill(keys.omega_a, weights.a_positive);
  const bool barlow = config.model.method == "barlow";
  if (barlow) {
    fill(keys.barlow_fit, std::string("outside"));
    fill(keys.barlow_score, std::string("correlation"));
  }
  if (keys.omega == "paired" || barlow) {
    fill(keys.beta_negative, weights.beta_negative);
    fill(keys.omega_a_negative, weights.a_negative);
  }
  fill(keys.phi, std::string(net.kind == TemperatureNetKind::concat ? "concat" : "dot"));
  fill(keys.phi_hidden, net.hidden);
  fill(keys.phi_shared, net.shared);
  if (keys.phi == "dot") fill(keys.score_scale, net.score_scale);
  return filled;
}

}  // namespace amcl
