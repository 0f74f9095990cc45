// All parts of a source, for what looks at the whole of it.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"

namespace amcl {

// Opens training, test and unlabeled images one after the other, without limit and val_fraction,
// and calls `use` for each part that the source has; only that one is open then. Errors as
// open_dataset(), missing and usage only if there is no part at all.
void for_each_part(Device& device, const std::string& source, uint64_t seed,
                   const DatasetOptions& options,
                   const std::function<void(const Dataset& part, Split split)>& use);

}  // namespace amcl
