#include "train/config/config.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "data/sources/label_draw.h"
#include "engine/core/check.h"
#include "train/config/nearest_name.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"
#include "train/config/value_text.h"

namespace amcl {
namespace {

constexpr const char* kAdaptive = "adaptive";
constexpr const char* kFixed = "fixed";

constexpr ConfigTable kTables[] = {
    {"data", "Data"},           {"augment", "Augmentation"}, {"model", "Model"},
    {"objective", "Objective"}, {"optimizer", "Optimizer"},  {"train", "Training"},
};

std::vector<std::string> list_of(std::span<const char* const> names) {
  return {names.begin(), names.end()};
}

bool wants_adaptive(const Choices& choices) {
  if (choices.temperature.empty()) return method_traits(choices.method).usually_adaptive;
  return choices.temperature == kAdaptive;
}

// Of a temperature that is neither adaptive nor fixed.
std::string number_complaint(const std::string& text, const MethodTraits& traits) {
  if (!traits.temperature)
    return concat_text("the plain loss of --method ", traits.name,
                       " has no temperature; leave it out",
                       traits.has_amcl ? ", or use adaptive" : "");
  double number = 0.0;
  if (parse_value(text, number) != nullptr) {
    const std::string words[] = {kAdaptive, kFixed};
    return "must be adaptive, fixed or a number above 0; the nearest is " +
           nearest_name(text, words);
  }
  return range_complaint({.low = 0.0, .above_low = true}, number);
}

std::string temperature_complaint(const Choices& choices) {
  const std::string& text = choices.temperature;
  const MethodTraits& traits = method_traits(choices.method);
  if (text.empty() || text == kFixed) return {};
  if (text != kAdaptive) return number_complaint(text, traits);
  return traits.has_amcl ? ""
                         : concat_text("--method ", traits.name,
                                       " has no form with adaptive temperatures; leave it out");
}

std::string objective_complaint(const Choices& choices) {
  std::string complaint = choice_complaint(list_of(kAmclFormNames), choices.objective);
  if (!complaint.empty() || !wants_adaptive(choices)) return complaint;
  const MethodTraits& traits = method_traits(choices.method);
  if (traits.has_all_forms || choices.objective == kAmclFormNames[0]) return {};
  return concat_text("--method ", traits.name, " has the form amcl only");
}

TemperatureChoice temperature_of(const Choices& choices) {
  const auto* form =
      std::find(std::begin(kAmclFormNames), std::end(kAmclFormNames), choices.objective);
  AMCL_CHECK(form != std::end(kAmclFormNames), "objective: '", choices.objective, "' is not known");
  TemperatureChoice result{.adaptive = wants_adaptive(choices),
                           .form = static_cast<AmclForm>(form - std::begin(kAmclFormNames))};
  double number = 0.0;
  if (!result.adaptive && parse_value(choices.temperature, number) == nullptr)
    result.constant = number;
  return result;
}

// Only plain SGD takes gradients as large as they are; other rules make steps of one size.
SgdValues usual_values(const Choices& choices, bool adaptive) {
  const MethodTraits& traits = method_traits(choices.method);
  if (choices.optimizer != SgdSpec::kName)
    return {.rate = OptimizerOptions::usual(choices.optimizer).usual_rate()};
  return adaptive ? traits.sgd_adaptive : traits.sgd;
}

std::string temperature_text(const MethodOptions& method) {
  const ObjectiveOptions objective = common(method).objective;
  if (objective.adaptive) return kAdaptive;
  return traits_of(method).temperature ? number_text(objective.temperature) : kFixed;
}

// Which method and form, and what these have.
void visit_method(MethodOptions& method, const SettingVisitor& visitor) {
  visitor({.table = "model",
           .key = "method",
           .value = "NAME",
           .help = "self-supervised method",
           .allowed = traits_of(method).labelled ? std::vector<std::string>{traits_of(method).name}
                                                 : self_supervised_names()},
          Decided{traits_of(method).name});
  visitor({.table = "objective",
           .key = "temperature",
           .value = "adaptive|fixed|T",
           .help = "adaptive: AMCL; fixed: the method's usual value; T > 0: this value",
           .number_too = true},
          Decided{temperature_text(method)});
  if (const ObjectiveOptions objective = common(method).objective; objective.adaptive)
    visitor(
        {.table = "objective",
         .key = "objective",
         .value = "PRESET",
         .help = "form of the loss with adaptive temperatures; it gives the defaults of the rest",
         .allowed = list_of(kAmclFormNames)},
        Decided{objective.name});
  visit_settings(method, visitor);
}

std::string epochs_complaint(double epochs, const Config& config) {
  const int64_t all = config.train.epochs;
  if (all <= 0 || epochs <= static_cast<double>(all)) return {};
  return concat_text("must be at most --epochs, which is ", all);
}

std::string splits_complaint(const Config& config) {
  const int64_t splits = common(config.method).batch_norm.splits;
  const int64_t images = config.train.encoder_batch();
  const char* flag = config.train.micro_batch > 0 ? "--micro-batch" : "--batch";
  if (images % splits != 0) return concat_text("must divide ", flag, ", which is ", images);
  if (splits > 1 && images / splits < 2)
    return concat_text("leaves 1 image to a part of ", flag, ' ', images,
                       ", at least 2 are needed");
  return {};
}

std::string rate_complaint(const Config& config) {
  if (!traits_of(config.method).labelled || config.schedule.lr > 0.0) return {};
  return "must be above 0; --freeze leaves the backbone as it is";
}

std::string amount_complaint(const Config& config) {
  const auto* classifier = std::get_if<ClassifierOptions>(&config.method);
  return classifier == nullptr ? "" : labels_complaint(classifier->labels);
}

// A classifier sees one view of each image, which leaves its class in sight.
void see_weakly(Config& config) {
  config.augment.crop_scale = {0.4, 1.0};
  config.augment.jitter = 0.0;
  config.augment.grayscale = 0.0;
  config.augment.blur = 0.0;
}

// Of a setting beside one of another struct.
struct CrossCheck {
  const char* key;
  std::string (*complaint)(const Config&);
};

constexpr CrossCheck kCrossChecks[] = {
    {"warmup_epochs",
     [](const Config& config) { return epochs_complaint(config.schedule.warmup_epochs, config); }},
    {"temperature_warmup_epochs",
     [](const Config& config) {
       return epochs_complaint(common(config.method).objective.temperature_warmup_epochs, config);
     }},
    {"bn_splits", splits_complaint},
    {"lr", rate_complaint},
    {"labels", amount_complaint},
};

}  // namespace

std::optional<ConfigComplaint> first_complaint(const Choices& choices) {
  std::optional<ConfigComplaint> first;
  const auto complain = [&](const char* key, const std::string& value, std::string what) {
    if (!first && !what.empty()) first = {key, value, std::move(what)};
  };
  complain("method", choices.method, choice_complaint(method_names(), choices.method));
  if (first) return first;  // the others depend on it
  complain("temperature", choices.temperature, temperature_complaint(choices));
  complain("objective", choices.objective, objective_complaint(choices));
  complain("optimizer", choices.optimizer, choice_complaint(optimizer_names(), choices.optimizer));
  complain("schedule", choices.schedule,
           choice_complaint(list_of(kScheduleNames), choices.schedule));
  return first;
}

Config usual_config(const Choices& choices) {
  const TemperatureChoice temperature = temperature_of(choices);
  const SgdValues values = usual_values(choices, temperature.adaptive);
  Config config{.data = {},
                .augment = {},
                .method = usual_method(choices.method, temperature),
                .optimizer = OptimizerOptions::usual(choices.optimizer),
                .schedule = {.lr = values.rate, .shape = schedule_named(choices.schedule)},
                .train = {.device = choices.device, .precision = usual_precision(choices.device)}};
  config.optimizer.clip_norm = values.clip_norm;
  if (traits_of(config.method).labelled) {
    see_weakly(config);
    config.train.epochs = 30;
    config.train.batch = 64;
    config.train.eval_every = 1;
  }
  std::visit([](auto& method) { method.backbone.stem = kAutoStem; }, config.method);
  return config;
}

std::span<const ConfigTable> config_tables() {
  return kTables;
}

size_t table_index(const Setting& setting) {
  const auto* found = std::find_if(std::begin(kTables), std::end(kTables), [&](const auto& table) {
    return std::string_view(table.name) == setting.table;
  });
  return static_cast<size_t>(found - std::begin(kTables));
}

void visit_settings(Config& config, const SettingVisitor& visitor) {
  config.data.visit_settings(visitor);
  config.augment.visit_settings(visitor);
  visit_method(config.method, visitor);
  config.schedule.visit_settings(visitor);
  config.optimizer.visit_settings(visitor);
  config.train.visit_settings(visitor);
}

std::optional<ConfigComplaint> first_complaint(const Config& config) {
  std::optional<ConfigComplaint> first;
  Config copy = config;
  visit_settings(copy, [&](const Setting& setting, const SettingField& field) {
    if (first) return;
    std::string what = complaint_of(setting, field);
    if (!what.empty()) first = {setting.key, text_of(field), std::move(what)};
  });
  for (const auto& [key, complaint] : kCrossChecks) {
    std::string what = first ? std::string() : complaint(config);
    if (!what.empty()) first = {key, *value_of(config, key), std::move(what)};
  }
  return first;
}

void validate(const Config& config) {
  if (const auto complaint = first_complaint(config))
    fail(ErrorKind::usage, flag_of(complaint->key), " is ", complaint->value, ": ",
         complaint->what);
}

void fill_dependent(Config& config) {
  std::visit(
      [](auto& method) {
        AmclOptions& amcl = method.objective.amcl;
        const bool negatives =
            amcl.placement == OmegaPlacement::paired || amcl.beta_negative.has_value();
        if (method.objective.adaptive) fill_omega_weights(amcl, method.projector.dim, negatives);
      },
      config.method);
}

}  // namespace amcl
