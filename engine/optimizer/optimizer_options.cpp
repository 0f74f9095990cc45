#include "engine/optimizer/optimizer_options.h"

#include <optional>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr double kWeightDecay = 5e-4;
// Of LarsSpec::clip_ratio.
constexpr const char* kLarsForms[] = {"plain", "clipped"};

// Calls visit(rule) with each rule at its usual values, in the order of OptimizerRule.
template <class Visit, size_t... index>
void visit_rules(Visit&& visit, std::index_sequence<index...>) {
  (visit(std::variant_alternative_t<index, OptimizerRule>{}), ...);
}

template <class Visit>
void visit_rules(Visit&& visit) {
  visit_rules(visit, std::make_index_sequence<std::variant_size_v<OptimizerRule>>{});
}

std::string rule_text(const SgdSpec& sgd) {
  return concat_text(sgd.nesterov ? ", Nesterov momentum " : ", momentum ", sgd.momentum);
}
std::string rule_text(const LarsSpec& lars) {
  return concat_text(" (", lars.clip_ratio ? "clipped" : "plain", ", trust ", lars.trust,
                     "), momentum ", lars.momentum);
}
std::string rule_text(const AdamWSpec& adamw) {
  return concat_text(", betas ", adamw.beta1, ' ', adamw.beta2);
}

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  visit_rules([&](const auto& rule) { names.emplace_back(rule.kName); });
  return names;
}

OptimizerOptions OptimizerOptions::usual(const std::string& name) {
  std::optional<OptimizerOptions> usual;
  visit_rules([&]<class Rule>(const Rule& known) {
    // What a ratio of norms is not taken of is not decayed either (You et al. 2017).
    if (name == known.kName)
      usual = {
          .rule = known, .weight_decay = kWeightDecay, .decay_norm_bias = !kHasTrustRatio<Rule>};
  });
  std::string joined;
  for (const std::string& known : optimizer_names()) joined += (joined.empty() ? "" : ", ") + known;
  AMCL_CHECK(usual, "optimizer: '", name, "' is not known; choose one of ", joined);
  return *usual;
}

const char* OptimizerOptions::name() const {
  return std::visit([](const auto& chosen) { return chosen.kName; }, rule);
}

double OptimizerOptions::usual_rate() const {
  return std::visit([](const auto& chosen) { return chosen.kUsualRate; }, rule);
}

std::string OptimizerOptions::text() const {
  std::string text =
      name() + std::visit([](const auto& chosen) { return rule_text(chosen); }, rule);
  text += concat_text(", weight decay ", weight_decay);
  if (!decay_norm_bias) text += " (not of norms and biases)";
  if (clip_norm > 0.0) text += concat_text(", gradient norm at most ", clip_norm);
  return text;
}

void OptimizerOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "optimizer",
           .key = "optimizer",
           .value = "NAME",
           .help = "rule of the update",
           .allowed = optimizer_names()},
          Decided{name()});
  visitor(
      {.table = "optimizer",
       .key = "weight_decay",
       .value = "X",
       .help = "added to the gradient, times the weight; by adamw apart from it, times the rate",
       .range = {.low = 0}},
      &weight_decay);
  visitor({.table = "optimizer", .key = "decay_norm_bias", .help = "decay norms and biases too"},
          &decay_norm_bias);
  visitor({.table = "optimizer",
           .key = "norm_bias_rate",
           .value = "X",
           .help = "factor on the learning rate of norms and biases",
           .range = {.low = 0}},
          &norm_bias_rate);
  visitor({.table = "optimizer",
           .key = "clip_norm",
           .value = "X",
           .help = "largest norm of the whole gradient; 0: no clipping",
           .range = {.low = 0}},
          &clip_norm);
  if (auto* sgd = std::get_if<SgdSpec>(&rule)) {
    visitor({.table = "optimizer",
             .key = "momentum",
             .value = "X",
             .help = "of sgd and lars",
             .range = {.low = 0, .high = 1}},
            &sgd->momentum);
    visitor({.table = "optimizer",
             .key = "nesterov",
             .help = "Nesterov's form of the momentum",
             .complaint =
                 [&] {
                   return !sgd->nesterov || sgd->momentum > 0.0 ? "" : "needs a --momentum above 0";
                 }},
            &sgd->nesterov);
  }
  if (auto* lars = std::get_if<LarsSpec>(&rule)) {
    visitor({.table = "optimizer",
             .key = "momentum",
             .value = "X",
             .help = "of sgd and lars",
             .range = {.low = 0, .high = 1}},
            &lars->momentum);
    visitor({.table = "optimizer",
             .key = "lars",
             .value = "HOW",
             .help = "plain: rate times trust |p| / |d|; clipped: that is at most the rate, as in "
                     "solo-learn"},
            Choice(lars->clip_ratio, kLarsForms));
    visitor({.table = "optimizer",
             .key = "trust",
             .value = "X",
             .help = "factor of the ratio of norms",
             .range = {.low = 0, .above_low = true}},
            &lars->trust);
    visitor({.table = "optimizer",
             .key = "epsilon",
             .value = "X",
             .help = "added to the divisor",
             .range = {.low = 0, .above_low = true}},
            &lars->epsilon);
  }
  if (auto* adamw = std::get_if<AdamWSpec>(&rule)) {
    visitor({.table = "optimizer",
             .key = "beta1",
             .value = "X",
             .help = "decay of the mean of gradients, below 1",
             .range = {.low = 0, .high = 1},
             .complaint = [&] { return adamw->beta1 < 1.0 ? "" : "must be below 1"; }},
            &adamw->beta1);
    visitor({.table = "optimizer",
             .key = "beta2",
             .value = "X",
             .help = "decay of the mean of their squares, below 1",
             .range = {.low = 0, .high = 1},
             .complaint = [&] { return adamw->beta2 < 1.0 ? "" : "must be below 1"; }},
            &adamw->beta2);
    visitor({.table = "optimizer",
             .key = "epsilon",
             .value = "X",
             .help = "added to the divisor",
             .range = {.low = 0, .above_low = true}},
            &adamw->epsilon);
  }
}

}  // namespace amcl
