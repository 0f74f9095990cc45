// AMCL with a queue of keys (spec S5): InfoNCE with several heads and a temperature for each pair.
#pragma once
#include "models/objectives/amcl_options.h"
#include "models/objectives/objective.h"
#include "models/temperature_net.h"

namespace amcl {

// q [C, N, d] raw projections of the queries; k [C, N, d] raw projections of their keys and queue
// [C, K, d] unit rows are constants, inside the temperature net too. nullable_net is needed if and
// only if options.adaptive. One direction; a symmetric method calls it twice and halves.
Loss amcl_moco(const Tensor& q, const Tensor& k, const Tensor& queue, TemperatureNet* nullable_net,
               const AmclOptions& options);

// The loss of `heads` heads of `features` features when all similarities are 0 and all temperatures
// at their start value.
double amcl_moco_chance_level(int64_t heads, int64_t queue, int64_t features,
                              const AmclOptions& options);

}  // namespace amcl
