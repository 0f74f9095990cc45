#include "models/objectives/presets.h"

#include <cmath>
#include <cstdlib>

#include "engine/core/check.h"

namespace amcl {
namespace {

// For training: the log-sum-exp with the positive, and a regulariser that cannot cancel (spec
// S10c).
ObjectiveOptions amcl_preset() {
  ObjectiveOptions options{.name = "amcl", .adaptive = true};
  options.amcl = {.reducer = PairReducer::lse,
                  .with_positive = true,
                  .placement = OmegaPlacement::anchored,
                  .beta = 0.3,
                  .a = 5.0,
                  .range = {.low = 0.05, .high = 1.0}};
  return options;
}

// The authors' second release: the mean of the 100 most similar negatives, whose regularisers are
// summed. Needs the gradient's norm clipped at 1.
ObjectiveOptions amcl_topk_preset() {
  ObjectiveOptions options{.name = "amcl-topk", .adaptive = true};
  options.amcl = {.reducer = PairReducer::topk,
                  .topk = 100,
                  .with_positive = false,
                  .placement = OmegaPlacement::paired,
                  .beta = 1e-4,
                  .a = std::nullopt,
                  .beta_negative = 100 * 1e-4,
                  .a_negative = 1.0,
                  .range = {.low = 1e-5, .high = 2.0}};
  return options;
}

// Equation (2.1) as printed, with the numbers of the first release. For study: it collapses (S10a).
ObjectiveOptions amcl_table2_preset() {
  ObjectiveOptions options{.name = "amcl-table2", .adaptive = true};
  options.amcl = {.reducer = PairReducer::hard,
                  .with_positive = false,
                  .placement = OmegaPlacement::paired,
                  .beta = 0.1,
                  .a = std::nullopt,
                  .range = {.low = 1e-5, .high = 2.0}};
  return options;
}

}  // namespace

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names = {"amcl", "amcl-topk", "amcl-table2"};
  return names;
}

ObjectiveOptions preset(const std::string& name) {
  if (name == "amcl") return amcl_preset();
  if (name == "amcl-topk") return amcl_topk_preset();
  if (name == "amcl-table2") return amcl_table2_preset();
  fail(ErrorKind::usage, "objective: '", name, "' is not one of amcl, amcl-topk, amcl-table2");
}

ObjectiveOptions simsiam_preset() {
  ObjectiveOptions options{.name = "amcl", .adaptive = true};
  // Bounded below, which needs beta >= 1/2 (spec S10c).
  options.amcl = {.beta = 1.0, .a = 1.0, .range = {.low = 0.1, .high = 2.0}};
  return options;
}

ObjectiveOptions barlow_preset() {
  ObjectiveOptions options{.name = "amcl", .adaptive = true};
  options.amcl = {.beta = 0.1, .a = 1.0, .beta_negative = 0.0, .range = {.low = 0.5, .high = 2.0}};
  return options;
}

ObjectiveOptions resolve_objective(const std::string& objective, const std::string& temperature,
                                   double usual_temperature) {
  const ObjectiveOptions adaptive = preset(objective);
  if (temperature == "adaptive") return adaptive;
  if (temperature == "fixed") return {.temperature = usual_temperature};
  char* end = nullptr;
  const double value = std::strtod(temperature.c_str(), &end);
  if (temperature.empty() || *end != '\0' || !std::isfinite(value) || value <= 0.0)
    fail(ErrorKind::usage, "temperature: '", temperature,
         "' is neither adaptive nor fixed nor a number above 0");
  return {.temperature = value};
}

}  // namespace amcl
