// The order in which an epoch visits the images, and what takes the place of those that cannot be read.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace amcl {

// A permutation of 0..count-1, uniform over all of them: a function of (seed, epoch) alone.
std::vector<int64_t> epoch_order(uint64_t seed, uint32_t epoch, int64_t count);

// Puts other images in the places `bad` of a batch, whose images there cannot be read: of all `count`
// images, one that is drawn by (seed, epoch, bad image), is not in the batch and is good. Where the set has
// none of those left, one that is in the batch already. `use(place, image)` says whether the image is
// good, and makes of it there what the batch needs. The result depends on what is good alone. False, with
// places left as they were, if no image of the set is good.
bool replace_bad_images(std::span<int64_t> batch, std::span<const int64_t> bad, uint64_t seed,
                        uint32_t epoch, int64_t count,
                        const std::function<bool(int64_t place, int64_t image)>& use);

}  // namespace amcl
