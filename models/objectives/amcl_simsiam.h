// SimSiam with several heads and a temperature for each pair (spec S6).
#pragma once
#include "models/objectives/amcl_options.h"
#include "models/objectives/objective.h"
#include "models/temperature_net.h"

namespace amcl {

// Predictions p1, p2 [C, N, d] of views 1 and 2; projections z1, z2 [C, N, d] are constants, inside
// the temperature net too. Of the options only beta, a and the temperature matter. nullable_net is
// needed if and only if options.adaptive.
Loss amcl_simsiam(const Tensor& p1, const Tensor& z1, const Tensor& p2, const Tensor& z2,
                  TemperatureNet* nullable_net, const AmclOptions& options);

// The loss of one head of `features` features when all cosines are 0 and all temperatures at their
// start value.
double amcl_simsiam_chance_level(int64_t features, const AmclOptions& options);

}  // namespace amcl
