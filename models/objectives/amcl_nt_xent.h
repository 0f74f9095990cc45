// AMCL-NT-Xent: contrastive learning of two views with several heads and a temperature for each
// pair (spec S4).
#pragma once
#include "models/objectives/amcl_options.h"
#include "models/objectives/objective.h"
#include "models/temperature_net.h"

namespace amcl {

// z [C, 2N, d] raw projections, rows 0..N-1 view 1 and rows N..2N-1 view 2, N >= 2. nullable_net is
// needed if and only if options.adaptive.
Loss amcl_nt_xent(const Tensor& z, TemperatureNet* nullable_net, const AmclOptions& options);

// The loss of `heads` heads of `features` features when all similarities are 0 and all temperatures
// at their start value.
double amcl_nt_xent_chance_level(int64_t heads, int64_t images, int64_t features,
                                 const AmclOptions& options);

}  // namespace amcl
