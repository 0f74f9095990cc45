// The loss when all similarities and all scores are 0: what a training must fall below.
#pragma once
#include <cstdint>

#include "engine/backend/op_specs.h"

namespace amcl {

// Temperature of a pair with score 0, or the constant one.
double start_temperature(const PairLossSpec& spec);

// How many candidates the reducers topk and hard select, before it is clamped to how many there are.
int64_t selected_count(const PairLossSpec& spec);

// What loss_of_pairs gives for anchors with one positive and `negatives` negatives each.
// `positive_share` is what the positives make up of the candidates that topk and hard select (equal
// ones, lowest index first), if with_positive.
double tied_chance_level(const PairLossSpec& spec, int64_t heads, int64_t negatives,
                         double positive_share);

}  // namespace amcl
