#include "engine/optimizer/optimizer_options.h"

#include <iterator>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr double kWeightDecay = 5e-4;
// Of LarsSpec::clip_ratio.
constexpr const char* kLarsForms[] = {"plain", "clipped"};

}  // namespace

OptimizerOptions OptimizerOptions::usual(const std::string& name) {
  if (name == "lars")
    return {.rule = LarsSpec{}, .weight_decay = kWeightDecay, .decay_norm_bias = false};
  if (name == "adamw") return {.rule = AdamWSpec{}, .weight_decay = kWeightDecay};
  AMCL_CHECK(name == "sgd", "optimizer: '", name, "' is not known; choose one of sgd, lars, adamw");
  return {.rule = SgdSpec{}, .weight_decay = kWeightDecay};
}

void OptimizerOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "optimizer",
           .key = "optimizer",
           .value = "NAME",
           .help = "rule of the update",
           .allowed = {std::begin(kOptimizerNames), std::end(kOptimizerNames)}},
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
