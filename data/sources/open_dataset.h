// The list of sources: recognises what lies somewhere, and opens it.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"
#include "engine/core/device.h"

namespace amcl {

// Opens `source`: "shapes10", a directory that holds a known layout or image files, a list of image
// files, or a packed set. limit > 0 keeps the first `limit` images. Errors: missing (66), unknown
// layout or corrupt file (65), each naming path and remedy.
Dataset open_dataset(Device& device, const std::string& source, Split split, int64_t limit,
                     uint64_t seed, const DatasetOptions& options = {});

}  // namespace amcl
