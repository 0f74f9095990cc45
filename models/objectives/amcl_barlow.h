// Barlow Twins with several heads and a temperature for each pair of feature columns (spec S7).
#pragma once
#include <functional>

#include "engine/nn/init.h"
#include "models/objectives/amcl_options.h"
#include "models/objectives/barlow.h"
#include "models/temperature_net.h"
#include "models/temperature_warmup.h"

namespace amcl {

// Where the temperature enters the diagonal: (1 - Cr)^2 / tau, or (1 - Cr / tau)^2 as the paper
// prints it, which loses the pull towards Cr = 1 (S10d).
enum class BarlowFit : uint8_t { outside, inside };
inline constexpr const char* kBarlowFitNames[] = {"outside", "inside"};

struct AmclBarlowOptions {
  BarlowOptions barlow = {};
  BarlowFit fit = BarlowFit::outside;
  // Of these only betas, a's and the temperature matter.
  AmclOptions amcl = {
      .beta = 0.1, .a = 1.0, .beta_negative = 0.0, .range = {.low = 0.5, .high = 2.0}};
};

// Scores from the correlation itself, r_lm = gain Cr_lm + offset, one pair of scalars for all
// heads: independent of N and of the order of the batch.
struct CorrelationScore {
  Parameter gain;    // [1]
  Parameter offset;  // [1]
  bool detach = false;
  TemperatureWarmup warmup = {};

  explicit CorrelationScore(Initializer& initializer);
  // Gives r of correlations of any shape; a step reads gain and offset once.
  std::function<Tensor(const Tensor& correlation)> scores();
  void visit(const std::string& prefix, const ModuleVisitor& visitor);
};

// x, y [C, N, d] raw projections of views 1 and 2, N >= 2. The scores come from the correlation;
// from a net of the dot form that reads the columns, so that N is frozen into it; or there are none
// and the temperature is constant (options.amcl.adaptive = false).
Loss amcl_barlow(const Tensor& x, const Tensor& y, CorrelationScore& score,
                 const AmclBarlowOptions& options);
Loss amcl_barlow(const Tensor& x, const Tensor& y, TemperatureNet& net,
                 const AmclBarlowOptions& options);
Loss amcl_barlow(const Tensor& x, const Tensor& y, const AmclBarlowOptions& options);

// The loss of one head of `features` features when all correlations are 0 and all temperatures at
// their start value.
double amcl_barlow_chance_level(int64_t features, const AmclBarlowOptions& options);

}  // namespace amcl
