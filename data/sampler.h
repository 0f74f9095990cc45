// The order in which an epoch visits the images.
#pragma once
#include <cstdint>
#include <vector>

namespace amcl {

// A permutation of 0..count-1, uniform over all of them: a function of (seed, epoch) alone.
std::vector<int64_t> epoch_order(uint64_t seed, uint32_t epoch, int64_t count);

}  // namespace amcl
