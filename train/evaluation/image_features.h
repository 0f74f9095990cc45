// The rows of numbers that an encoder makes of the images of a set, batch by batch.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/evaluation/embed.h"

namespace amcl {

// Rows [N, width] f32 of normalised images [N, H, W, 3].
using Forward = std::function<Tensor(const Tensor& images)>;

// The rows [n, width] of the images named, in that order, not augmented, normalised with the set's
// constants, up to `at_once` at a time.
Tensor image_rows(const Forward& forward, int64_t width, Backend& backend, const Dataset& dataset,
                  std::span<const int64_t> images, int64_t at_once);

// The same, of features: throws Error(numeric) if one is not finite.
Tensor image_features(const Forward& forward, int64_t width, Backend& backend,
                      const Dataset& dataset, std::span<const int64_t> images,
                      int64_t at_once = kEmbeddedAtOnce);

// 0 to n - 1.
std::vector<int64_t> all_images(const Dataset& dataset);

}  // namespace amcl
