#include "train/run/run_data.h"

#include <utility>

#include "data/views/dataset_placement.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "train/assembly/open_data.h"
#include "train/assembly/training_backend.h"

namespace amcl {

RunData::RunData(const Config& config)
    : backend(open_training_backend(config.train)),
      host(backend->free_memory() ? open_backend("cpu") : nullptr),
      dataset(open(config, config.data.split, config.data.limit)) {
  if (host) dataset = place_dataset(std::move(dataset), *backend, *host);
  if (config.train.eval_every > 0 && dataset.labelled()) open_test(config);
}

void RunData::close_test() {
  test = {};
  if (dataset.host == nullptr) host.reset();
}

Dataset RunData::open(const Config& config, Split split, int64_t limit) const {
  return open_data(host ? *host : *backend, config, split, limit);
}

// Where there are no test images, training goes on without them.
void RunData::open_test(const Config& config) {
  try {
    test = open(config, Split::test, 0);
    test.host = host.get();
    if (test.warnings != dataset.warnings) test_warnings = test.warnings;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing) throw;
  }
}

}  // namespace amcl
