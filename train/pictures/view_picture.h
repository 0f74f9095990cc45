// Images beside the views that training makes of them.
#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "data/views/augment_policy.h"
#include "engine/backend/backend.h"
#include "train/pictures/png.h"

namespace amcl {

struct PicturedView {
  uint32_t epoch = 0;
  uint32_t view = 0;  // 0 or 1 of the pair
  ViewParameters parameters;
};

struct ViewGrid {
  uint64_t seed = 1;
  AugmentPolicy policy;
  std::vector<int64_t> images;                   // one per row
  std::vector<std::vector<PicturedView>> views;  // of each row, from left to right
};

// The first `rows` images of the first epoch in the order of training (without those that cannot be
// read, where they are skipped), and of each the views that training sees: both of epoch 0, both of
// epoch 1, and so on, `columns` in all. They are a function of the seed, the policy and the images
// alone, as in data/views/loader.h. Image files are opened for their extents.
ViewGrid plan_view_grid(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
                        uint64_t seed, int64_t rows, int64_t columns);

// A row per image: the original, then its views as they are before the normalisation.
RgbImage draw_view_grid(Backend& backend, const Dataset& dataset, const ViewGrid& grid);

}  // namespace amcl
