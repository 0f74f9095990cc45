// --val-fraction: a share of the training images, chosen by the hashes of their names, is held back
// from training and takes the place of the test images.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "data/hash.h"

namespace amcl {

// Whether the image of this name is on the side of `split`: among the `fraction` that is held back
// for Split::test, among the others for Split::train.
inline bool on_side_of(Split split, std::string_view name, double fraction) {
  return (uniform_hash(name) < fraction) == (split == Split::test);
}

// Error(missing): a share of `fraction` leaves no image on the side of `split`.
[[noreturn]] void fail_empty_side(const std::string& source, Split split, double fraction);

// The images of `training` on the side of `split`, at most `limit` of them if that is above 0.
// Error(missing) if there is none.
Dataset take_side(Dataset training, Split split, double fraction, int64_t limit);

}  // namespace amcl
