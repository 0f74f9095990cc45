// The order in which an epoch visits the images, and what takes the place of those that cannot be
// read.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace amcl {

// A permutation of 0..count-1, uniform over all of them: a function of (seed, epoch) alone.
std::vector<int64_t> epoch_order(uint64_t seed, uint32_t epoch, int64_t count);

// Replaces the images at the places `bad` of a batch, which cannot be read, by other ones of the
// `count` images: drawn by (seed, epoch, bad image) among the good ones that are not in the batch,
// or among those in it where the set has no others. `use(place, image)` makes what the batch needs
// of the image there and says whether it is good. The result depends on which images are good and
// on nothing else. False, with places left as they were, if no image of the set is good.
bool replace_bad_images(std::span<int64_t> batch, std::span<const int64_t> bad, uint64_t seed,
                        uint32_t epoch, int64_t count,
                        const std::function<bool(int64_t place, int64_t image)>& use);

}  // namespace amcl
