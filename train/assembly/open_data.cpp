#include "train/assembly/open_data.h"

#include "data/sources/open_dataset.h"

namespace amcl {

Dataset open_data(Device& device, const Config& config, Split split, int64_t limit) {
  DatasetOptions reading = config.data.reading;
  reading.interpolation = config.augment.interpolation;
  return open_dataset(device, config.data.data, split, limit, config.train.seed, reading);
}

}  // namespace amcl
