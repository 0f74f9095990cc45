// Images as evaluation sees them: in order, not augmented.
#pragma once
#include <cstdint>
#include <span>

#include "data/dataset.h"
#include "engine/backend/backend.h"

namespace amcl {

// Images [begin, end) of the set, normalised with its constants: [end - begin, H, W, 3] f32.
Tensor evaluation_batch(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end);

// The same of the images named, in that order.
Tensor evaluation_batch(Backend& backend, const Dataset& dataset, std::span<const int64_t> images);

// The views that `views` describes, one row each.
Tensor augmented_batch(Backend& backend, const Dataset& dataset,
                       std::span<const ViewParameters> views);

}  // namespace amcl
