#include "data/sources/open_dataset.h"
#include "train/config/config_schema_parts.h"

namespace amcl {

std::vector<Setting> data_settings() {
  return {
      {.key = "data",
       .field = AMCL_FIELD(data.data),
       .value = "DIR|FILE|shapes10",
       .help =
           "directory of images, of CIFAR or STL-10 (binary versions) or of IDX files (MNIST); a "
           "list of images; a packed set (amcl data pack); or the built-in set shapes10"},
      {.key = "layout",
       .field = AMCL_FIELD(data.layout),
       .value = "NAME",
       .help = "how the data are laid out; auto: recognised by what lies there",
       .allowed = dataset_layouts()},
      {.key = "split",
       .field = AMCL_FIELD(data.split),
       .value = "PART",
       .help = "part of the data to train on; unlabeled: the 100,000 images of STL-10",
       .allowed = split_names()},
      {.key = "limit",
       .field = AMCL_FIELD(data.limit),
       .value = "N",
       .unit = "images",
       .help = "train on the first N images; 0: all",
       .range = {.low = 0}},
      {.key = "size",
       .field = AMCL_FIELD(data.size),
       .value = "N",
       .unit = "pixels",
       .help = "side of a view; 0: as large as the images, 224 for image files",
       .range = {.low = 0, .high = 4096}},
      {.key = "val_fraction",
       .field = AMCL_FIELD(data.val_fraction),
       .value = "X",
       .unit = "share of the images",
       .help = "of the training images, held back to evaluate on instead of test images, by the "
               "hash of "
               "their names",
       .range = {.low = 0, .high = 0.9}},
      {.key = "on_error",
       .field = AMCL_FIELD(data.on_error),
       .value = "WHAT",
       .help = "at an image file that cannot be read: stop, or leave it out and draw another in "
               "its place",
       .allowed = {"stop", "skip"},
       .may_change = true},
      {.key = "error_limit",
       .field = AMCL_FIELD(data.error_limit),
       .value = "N",
       .unit = "images",
       .help = "skipped before the run stops after all",
       .range = {.low = 0},
       .may_change = true},
      {.key = "reduce_decoding",
       .field = AMCL_FIELD(data.reduce_decoding),
       .help = "faster: decode JPEG files at 1/2, 1/4 or 1/8 where a crop is that much too large"},
      {.key = "mean",
       .field = AMCL_FIELD(data.mean),
       .value = "R,G,B",
       .help = "of the channels, which normalisation takes off; left out: the data set's own",
       .range = {.low = 0, .high = 1},
       .by_data = true},
      {.key = "deviation",
       .field = AMCL_FIELD(data.deviation),
       .value = "R,G,B",
       .help = "of the channels, by which normalisation divides; left out: the data set's own",
       .range = {.low = 0, .high = 1, .above_low = true},
       .by_data = true},
  };
}

}  // namespace amcl
