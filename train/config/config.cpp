#include "train/config/config.h"

#include "engine/core/check.h"
#include "train/config/config_check.h"
#include "train/config/config_value.h"
#include "train/config/method_config.h"
#include "train/config/nearest_name.h"
#include "train/config/objective_config.h"

namespace amcl {
namespace {

std::string order_complaint(const std::array<double, 2>& range) {
  if (range[0] <= range[1]) return {};
  const double swapped[] = {range[1], range[0]};
  return "the first number must not be above the second; did you mean " + numbers_text(swapped, 2);
}

std::string hue_complaint(const Config& config) {
  if (config.augment.jitter_strength[3] <= 0.5) return {};
  return "hue, the last number, must be at most 0.5 (half a turn)";
}

std::string temperature_complaint(const Config& config) {
  const std::string& text = *config.objective.temperature;
  if (text == "adaptive" || text == "fixed") return {};
  if (!is_contrastive(config.model.method))
    return concat_text("the plain loss of --method ", config.model.method,
                       " has no temperature; leave it out, or use adaptive");
  double number = 0.0;
  if (parse_value(text, number) != nullptr) {
    const std::string words[] = {"adaptive", "fixed"};
    return "must be adaptive, fixed or a number above 0; the nearest is " +
           nearest_name(text, words);
  }
  return range_complaint({.low = 0.0, .above_low = true}, number);
}

std::string objective_complaint(const Config& config) {
  if (config.objective.temperature != "adaptive" || is_contrastive(config.model.method) ||
      config.objective.objective == "amcl")
    return {};
  return concat_text("--method ", config.model.method, " has the form amcl only");
}

std::string phi_complaint(const Config& config) {
  const ObjectiveConfig& keys = config.objective;
  if (config.model.method != "barlow" || keys.phi != "concat") return {};
  return "must be dot for --method barlow";
}

// The images that pass through the encoder at once.
int64_t encoder_batch(const Config& config) {
  return config.train.micro_batch > 0 ? config.train.micro_batch : config.train.batch;
}

std::string splits_complaint(const Config& config) {
  const int64_t splits = *config.model.bn_splits;
  const char* flag = config.train.micro_batch > 0 ? "--micro-batch" : "--batch";
  if (encoder_batch(config) % splits != 0)
    return concat_text("must divide ", flag, ", which is ", encoder_batch(config));
  if (splits > 1 && encoder_batch(config) / splits < 2)
    return concat_text("leaves 1 image to a part of ", flag, ' ', encoder_batch(config),
                       ", at least 2 are needed");
  return {};
}

std::string micro_batch_complaint(const Config& config) {
  const int64_t pairs = config.train.micro_batch;
  if (pairs == 0) return {};
  if (pairs == 1) return "must be at least 2, or 0 for the whole batch";
  if (config.train.batch % pairs != 0)
    return concat_text("must divide --batch, which is ", config.train.batch);
  return {};
}

std::string bounds_complaint(const Config& config) {
  if (config.objective.temperature != "adaptive") return {};
  const ObjectiveConfig bounds = with_preset(config).objective;
  if (*bounds.temperature_low < *bounds.temperature_high) return {};
  return concat_text("must be below --temperature-high, which is ", *bounds.temperature_high);
}

std::string heads_complaint(const Config& config) {
  if (config.objective.head_decorrelation == 0.0 || config.model.heads >= 2) return {};
  return concat_text("needs --heads of at least 2, which is ", *config.model.heads);
}

std::string warmup_complaint(double warmup_epochs, const Config& config) {
  const auto epochs = static_cast<double>(config.train.epochs);
  if (config.train.epochs <= 0 || warmup_epochs <= epochs) return {};
  return concat_text("must be at most --epochs, which is ", config.train.epochs);
}

std::string warmup_steps_complaint(const OptimizerConfig& keys) {
  if (keys.warmup_steps == 0 || keys.warmup_epochs == 0.0) return {};
  return concat_text("cannot stand beside --warmup-epochs ", keys.warmup_epochs,
                     "; set that one to 0, or leave this one out");
}

std::string schedule_complaint(const OptimizerConfig& keys) {
  if (keys.schedule != "step" || keys.milestones) return {};
  return "needs --milestones, the epochs after which the rate falls, such as 60,80";
}

std::string milestones_complaint(const Config& config) {
  const OptimizerConfig& keys = config.optimizer;
  if (keys.schedule != "step" || !keys.milestones) return {};
  for (size_t i = 1; i < keys.milestones->size(); ++i)
    if ((*keys.milestones)[i] <= (*keys.milestones)[i - 1]) return "must ascend";
  return {};
}

std::string nesterov_complaint(const OptimizerConfig& keys) {
  if (!keys.nesterov.value_or(false) || keys.momentum.value_or(1.0) > 0.0) return {};
  return "needs a --momentum above 0";
}

std::string below_one_complaint(const std::optional<double>& beta) {
  return beta.value_or(0.0) < 1.0 ? "" : "must be below 1";
}

std::string optimizer_complaint(const std::string& key, const Config& config) {
  const OptimizerConfig& keys = config.optimizer;
  if (key == "warmup_epochs") return warmup_complaint(keys.warmup_epochs, config);
  if (key == "warmup_steps") return warmup_steps_complaint(keys);
  if (key == "schedule") return schedule_complaint(keys);
  if (key == "milestones") return milestones_complaint(config);
  if (key == "nesterov") return nesterov_complaint(keys);
  if (key == "beta1") return below_one_complaint(keys.beta1);
  if (key == "beta2") return below_one_complaint(keys.beta2);
  return {};
}

std::string dependent_complaint(const Setting& setting, const Config& config) {
  if (setting.key == "crop_scale") return order_complaint(config.augment.crop_scale);
  if (setting.key == "crop_ratio") return order_complaint(config.augment.crop_ratio);
  if (setting.key == "blur_sigma") return order_complaint(config.augment.blur_sigma);
  if (setting.key == "jitter_strength") return hue_complaint(config);
  if (setting.key == "temperature") return temperature_complaint(config);
  if (setting.key == "objective") return objective_complaint(config);
  if (setting.key == "phi") return phi_complaint(config);
  if (setting.key == "temperature_warmup_epochs")
    return warmup_complaint(config.objective.temperature_warmup_epochs.value_or(0.0), config);
  if (setting.key == "head_decorrelation") return heads_complaint(config);
  if (setting.key == "micro_batch") return micro_batch_complaint(config);
  return optimizer_complaint(setting.key, config);
}

}  // namespace

std::optional<ConfigComplaint> first_complaint(const Config& given) {
  const Config config = with_method(given);
  for (const Setting& setting : config_settings()) {
    std::string what = value_complaint(setting, config);
    if (what.empty()) what = dependent_complaint(setting, config);
    if (!what.empty()) return ConfigComplaint{&setting, value_text(setting, config), what};
  }
  // Needs valid values of all of [objective].
  if (std::string what = bounds_complaint(config); !what.empty()) {
    const Setting* low = find_setting("temperature_low");
    return ConfigComplaint{low, value_text(*low, with_preset(config)), what};
  }
  // Also where it has its usual value.
  if (std::string what = splits_complaint(config); !what.empty()) {
    const Setting* splits = find_setting("bn_splits");
    return ConfigComplaint{splits, value_text(*splits, config), what};
  }
  return std::nullopt;
}

void validate(const Config& config) {
  if (const auto complaint = first_complaint(config)) {
    fail(ErrorKind::usage, complaint->setting->flag(), " is ", complaint->value, ": ",
         complaint->what);
  }
}

std::optional<ConfigDifference> first_difference(const Config& left, const Config& right) {
  std::optional<ConfigDifference> allowed;
  for (const Setting& setting : config_settings()) {
    ConfigDifference difference{setting.config_name(), value_toml(setting, left),
                                value_toml(setting, right), setting.may_change};
    if (difference.left == difference.right) continue;
    if (!setting.may_change) return difference;
    if (!allowed) allowed = difference;
  }
  return allowed;
}

}  // namespace amcl
