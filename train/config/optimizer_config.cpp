#include "train/config/optimizer_config.h"

#include <cmath>

#include "engine/core/check.h"
#include "train/config/config_value.h"
#include "train/config/method_config.h"
#include "train/config/objective_config.h"
#include "train/config/precision.h"

namespace amcl {
namespace {

// The keys of [optimizer] that are of use, all set.
OptimizerConfig filled(const Config& config) {
  OptimizerConfig keys = with_method(config).optimizer;
  const auto fill = [](auto& key, const auto& value) {
    if (!key) key = value;
  };
  if (keys.schedule == "cosine") fill(keys.lr_floor, 0.0);
  if (keys.schedule == "step") fill(keys.gamma, 0.1);
  fill(keys.decay_norm_bias, keys.optimizer != "lars");
  if (keys.optimizer == "adamw") {
    const AdamWSpec defaults;
    fill(keys.beta1, defaults.beta1);
    fill(keys.beta2, defaults.beta2);
    fill(keys.epsilon, defaults.epsilon);
    return keys;
  }
  fill(keys.momentum, SgdSpec{}.momentum);
  if (keys.optimizer == "sgd") fill(keys.nesterov, false);
  if (keys.optimizer == "lars") {
    const LarsSpec defaults;
    fill(keys.lars, "plain");
    fill(keys.trust, defaults.trust);
    fill(keys.epsilon, defaults.epsilon);
  }
  return keys;
}

}  // namespace

OptimizerOptions optimizer_options(const Config& config) {
  const OptimizerConfig keys = filled(config);
  OptimizerOptions options{.rule = SgdSpec{},
                           .weight_decay = keys.weight_decay,
                           .decay_norm_bias = *keys.decay_norm_bias,
                           .norm_bias_rate = keys.norm_bias_rate,
                           .clip_norm = *keys.clip_norm};
  if (keys.optimizer == "sgd") {
    options.rule = SgdSpec{.momentum = *keys.momentum, .nesterov = *keys.nesterov};
  } else if (keys.optimizer == "lars") {
    options.rule = LarsSpec{.momentum = *keys.momentum,
                            .trust = *keys.trust,
                            .epsilon = *keys.epsilon,
                            .clip_ratio = keys.lars == "clipped"};
  } else {
    AMCL_CHECK(keys.optimizer == "adamw", "optimizer: '", keys.optimizer,
               "' is not known; choose one of sgd, lars, adamw");
    options.rule = AdamWSpec{.beta1 = *keys.beta1, .beta2 = *keys.beta2, .epsilon = *keys.epsilon};
  }
  return options;
}

double peak_rate(const Config& config) {
  const OptimizerConfig keys = filled(config);
  if (keys.lr_reference_batch == 0) return *keys.lr;
  return *keys.lr * static_cast<double>(config.train.batch) /
         static_cast<double>(keys.lr_reference_batch);
}

Schedule learning_rate_schedule(const Config& config, int64_t steps_per_epoch) {
  const OptimizerConfig keys = filled(config);
  const auto steps = [&](double epochs) {
    return std::llround(epochs * static_cast<double>(steps_per_epoch));
  };
  Schedule schedule{.peak = peak_rate(config),
                    .warmup = keys.warmup_steps > 0 ? keys.warmup_steps : steps(keys.warmup_epochs),
                    .total = config.train.epochs * steps_per_epoch};
  AMCL_CHECK(schedule.warmup <= schedule.total || schedule.total == 0,
             "warmup_steps: ", schedule.warmup, " is more than the ", schedule.total,
             " steps of the run");
  if (keys.schedule == "constant") {
    schedule.shape = ScheduleShape::constant;
  } else if (keys.schedule == "step") {
    schedule.shape = ScheduleShape::steps;
    schedule.gamma = *keys.gamma;
    for (const double epochs : keys.milestones.value_or(std::vector<double>{}))
      schedule.milestones.push_back(steps(epochs));
  } else {
    schedule.floor = *keys.lr_floor * schedule.peak;
  }
  return schedule;
}

Config completed(const Config& config) {
  Config result = with_preset(config);
  for (const Setting& setting : config_settings())
    if (!has_effect(setting, result)) clear_value(setting, result);
  result.optimizer = filled(result);
  // So that a run goes on as it began, whatever is usual by then.
  result.train.precision = precision_of(result.train);
  return result;
}

}  // namespace amcl
