#include "data/sources/dataset_parts.h"

#include <optional>

#include "data/sources/open_dataset.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// Nothing if the source has no such part; `reason` keeps the first one given.
std::optional<Dataset> open_part(Device& device, const std::string& source, Split split,
                                 uint64_t seed, const DatasetOptions& options,
                                 std::optional<Error>& reason) {
  try {
    return open_dataset(device, source, split, /*limit=*/0, seed, options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing && error.kind() != ErrorKind::usage) throw;
    if (!reason) reason = error;
    return std::nullopt;
  }
}

}  // namespace

void for_each_part(Device& device, const std::string& source, uint64_t seed,
                   const DatasetOptions& options,
                   const std::function<void(const Dataset& part, Split split)>& use) {
  DatasetOptions whole = options;
  whole.val_fraction = 0.0;
  std::optional<Error> reason;
  bool found = false;
  for (const Split split : {Split::train, Split::test, Split::unlabeled}) {
    const std::optional<Dataset> part = open_part(device, source, split, seed, whole, reason);
    if (!part) continue;
    found = true;
    use(*part, split);
  }
  if (!found) throw Error(*reason);
}

}  // namespace amcl
