// Similarity and temperature of pairs, of a few anchors of a batch: what pictures of a run are drawn from.
// No loss reads them.
#pragma once
#include "engine/backend/op_specs.h"
#include "engine/core/tensor.h"
#include "models/temperature_net.h"

namespace amcl {

// The n anchors are the rows of one view after those of the other, or of one view alone.
struct ComparedPairs {
  Tensor similarity;            // [C, n, n] of anchor i and candidate j
  Tensor nullable_temperature;  // [C, n, n]; empty where temperatures are not adaptive
  TemperatureRange range = {};  // of the temperatures
  // The positive of anchor i is candidate (i + shift) mod n. Where that is another one than i, candidate
  // i shows the anchor itself and is no negative.
  int64_t shift = 0;
};

// Cosines of the first `most` / `views` anchors and candidates of each view, z [C, views N, d] each, view
// after view. `nullable_net` gives the temperatures.
ComparedPairs compare_rows(const Tensor& anchors, const Tensor& candidates, int64_t views,
                           int64_t most, TemperatureNet* nullable_net,
                           const TemperatureRange& range);

}  // namespace amcl
