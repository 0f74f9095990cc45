// A part of a set, image by image.
#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace amcl {

// Leaves only the images `indices`, in that order, with their labels.
void select_images(Dataset& dataset, std::vector<int64_t> indices);

}  // namespace amcl
