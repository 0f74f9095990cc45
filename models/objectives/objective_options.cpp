#include "models/objectives/objective_options.h"

#include "engine/core/check.h"

namespace amcl {
namespace {

AmclOptions usual_options(AmclForm form) {
  if (form == AmclForm::topk)
    // The mean of the 100 most similar negatives, whose regularisers are summed.
    return {.reducer = PairReducer::topk,
            .topk = 100,
            .with_positive = false,
            .placement = OmegaPlacement::paired,
            .beta = 1e-4,
            .a = std::nullopt,
            .sums_negatives = true,
            .a_negative = 1.0,
            .range = {.low = 1e-5, .high = 2.0}};
  if (form == AmclForm::table2)
    return {.reducer = PairReducer::hard,
            .with_positive = false,
            .placement = OmegaPlacement::paired,
            .beta = 0.1,
            .a = std::nullopt,
            .range = {.low = 1e-5, .high = 2.0}};
  return {.reducer = PairReducer::lse,
          .with_positive = true,
          .placement = OmegaPlacement::anchored,
          .beta = 0.3,
          .a = 5.0,
          .range = {.low = 0.05, .high = 1.0}};
}

}  // namespace

ObjectiveOptions contrastive_objective(const TemperatureChoice& choice, const char* plain_name,
                                       double usual) {
  if (!choice.adaptive) return {.name = plain_name, .temperature = choice.constant.value_or(usual)};
  return {.name = kAmclFormNames[static_cast<size_t>(choice.form)],
          .adaptive = true,
          .amcl = usual_options(choice.form)};
}

void visit_adaptive_settings(ObjectiveOptions& options, bool dot_only,
                             const SettingVisitor& visitor) {
  AmclOptions& amcl = options.amcl;
  visitor({.table = "objective",
           .key = "temperature_low",
           .value = "T",
           .help = "lower bound of adaptive temperatures",
           .range = {.low = 0, .above_low = true},
           .complaint = [&]() -> std::string {
             if (amcl.range.low < amcl.range.high) return {};
             return concat_text("must be below --temperature-high, which is ", amcl.range.high);
           }},
          &amcl.range.low);
  visitor({.table = "objective",
           .key = "temperature_high",
           .value = "T",
           .help = "upper bound of adaptive temperatures",
           .range = {.low = 0, .above_low = true}},
          &amcl.range.high);
  visitor(
      {.table = "objective",
       .key = "temperature_warmup_epochs",
       .value = "N",
       .unit = "epochs",
       .help = "grow the differences between adaptive temperatures from 0: all start as that of "
               "score 0",
       .range = {.low = 0, .high = 1e9}},
      &options.temperature_warmup_epochs);
  visitor({.table = "objective",
           .key = "beta",
           .value = "X",
           .help = "weight of the regularizer Omega = a log(tau) + 1/tau",
           .range = {.low = 0}},
          &amcl.beta);
  visitor(
      {.table = "objective",
       .key = "omega_a",
       .value = "X",
       .help = "its a, which pulls tau towards 1/a; left out: half of --head-dim where the form "
               "has no other"},
      &amcl.a);
  options.temperature_net.visit_settings(dot_only, visitor);
}

void visit_pair_settings(AmclOptions& options, const SettingVisitor& visitor) {
  visitor(
      {.table = "objective",
       .key = "reducer",
       .value = "NAME",
       .help = "over the negatives: log-sum-exp, mean of the most similar, or the most similar"},
      Choice(options.reducer, kPairReducerNames));
  visitor({.table = "objective",
           .key = "topk",
           .value = "N",
           .help = "negatives that the reducer topk takes",
           .range = {.low = 1}},
          &options.topk);
  visit_positive_setting(options.with_positive, visitor);
  visitor(
      {.table = "objective",
       .key = "omega",
       .value = "WHERE",
       .help = "regularizer on the positive's temperature, or inside the logits as in the paper"},
      Choice(options.placement, kOmegaPlacementNames));
  visit_negative_settings(options, visitor);
}

void visit_positive_setting(bool& with_positive, const SettingVisitor& visitor) {
  visitor({.table = "objective",
           .key = "with_positive",
           .help = "the positive is among the candidates that it is compared with; without it the "
                   "loss is decoupled"},
          &with_positive);
}

void visit_negative_settings(AmclOptions& options, const SettingVisitor& visitor) {
  visitor({.table = "objective",
           .key = "beta_negative",
           .value = "X",
           .help = "weight on the negatives, where paired",
           .range = {.low = 0}},
          &options.beta_negative);
  visitor({.table = "objective",
           .key = "omega_a_negative",
           .value = "X",
           .help = "a of the negatives, where paired"},
          &options.a_negative);
}

void visit_decorrelation_setting(ObjectiveOptions& options, int64_t heads,
                                 const SettingVisitor& visitor) {
  visitor({.table = "objective",
           .key = "head_decorrelation",
           .value = "X",
           .help = "weight of a term that keeps the features of the heads uncorrelated; 0: none",
           .range = {.low = 0},
           .complaint = [&options, heads]() -> std::string {
             if (options.head_decorrelation == 0.0 || heads >= 2) return {};
             return concat_text("needs --heads of at least 2, which is ", heads);
           }},
          &options.head_decorrelation);
}

}  // namespace amcl
