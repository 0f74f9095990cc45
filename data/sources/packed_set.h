// Packed sets (data/packed/packed_format.h) as data sets.
#pragma once
#include <cstdint>
#include <filesystem>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"

namespace amcl {

// The set in a packed file with the split, limit and options applied, as open_folder() does for the
// folder that was packed. Errors: data, if the file is damaged; missing, if the split has no
// images.
Dataset open_packed(const std::filesystem::path& file, Split split, int64_t limit,
                    const DatasetOptions& options);

}  // namespace amcl
