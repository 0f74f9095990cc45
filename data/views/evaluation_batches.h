// Images as evaluation sees them: in order, not augmented, resized and cropped by the set's
// preprocessing (preprocessing.h). None may be bad (good_images.h).
#pragma once
#include <cstdint>
#include <span>

#include "data/dataset.h"
#include "engine/backend/backend.h"

namespace amcl {

// Images [begin, end) of the set: u8 [end - begin, h, w, 3].
Tensor evaluation_pixels(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end);

// The images named, in that order.
Tensor evaluation_pixels(Backend& backend, const Dataset& dataset, std::span<const int64_t> images);

// The same, normalised with the set's constants: f32.
Tensor evaluation_batch(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end);

// The same of the images named, in that order.
Tensor evaluation_batch(Backend& backend, const Dataset& dataset, std::span<const int64_t> images);

}  // namespace amcl
