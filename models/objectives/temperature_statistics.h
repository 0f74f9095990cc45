// What pair_loss reports of its pairs (PairStatistic in op_specs.h), for objectives that are no loss
// over a matrix of pairs.
#pragma once
#include "engine/backend/op_specs.h"
#include "engine/core/tensor.h"

namespace amcl {

// Similarities and temperatures of the pairs of one kind, both [C, n].
struct PairValues {
  Tensor similarity = {};
  Tensor temperature = {};
};

// [C, kPairStatistics] f32. `all` may be empty: then there are no negatives, and what concerns them is
// not a number (null in the log). Else its pairs are the positives and the negatives together. The
// share at a bound is that of the positives: where nothing holds the negatives' temperatures, as in
// AMCL-Barlow, they are meant to run to the upper one (spec S10d).
Tensor temperature_statistics(const PairValues& positive, const PairValues& all,
                              const TemperatureRange& range);

}  // namespace amcl
