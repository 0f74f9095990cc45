#include "train/dataset_config.h"

namespace amcl {

DatasetOptions dataset_options(const DataConfig& config) {
  return {.layout = config.layout,
          .size = config.size,
          .val_fraction = config.val_fraction,
          .skip_bad_images = config.on_error == "skip",
          .error_limit = config.error_limit,
          .reduce_decoding = config.reduce_decoding};
}

}  // namespace amcl
