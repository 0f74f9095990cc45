// shapes10: pictures of ten shapes, made in memory from a seed.
#pragma once
#include "data/dataset.h"

namespace amcl {

inline constexpr int64_t kShapesTrainImages = 5000;
inline constexpr int64_t kShapesTestImages = 1000;

// 32 x 32, ten classes in turn. limit > 0 keeps the first `limit` images. Training and test images
// come from disjoint random streams. Error(usage) for unlabeled ones.
Dataset make_shapes(Device& device, Split split, int64_t limit, uint64_t seed);

}  // namespace amcl
