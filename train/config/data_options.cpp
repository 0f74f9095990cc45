#include "train/config/data_options.h"

namespace amcl {

void DataOptions::visit_settings(const SettingVisitor& visitor) {
  visitor(
      {.table = "data",
       .key = "data",
       .value = "DIR|FILE|shapes10",
       .help =
           "directory of images, of CIFAR or STL-10 (binary versions) or of IDX files (MNIST); a "
           "list of images; a packed set (amcl data pack); or the built-in set shapes10"},
      &data);
  visitor({.table = "data",
           .key = "split",
           .value = "PART",
           .help = "part of the data to train on; unlabeled: the 100,000 images of STL-10"},
          Choice(split, kSplitNames));
  visitor({.table = "data",
           .key = "limit",
           .value = "N",
           .unit = "images",
           .help = "train on the first N images; 0: all",
           .range = {.low = 0}},
          &limit);
  reading.visit_settings(visitor);
}

}  // namespace amcl
