#include "data/sources/dataset_options.h"

namespace amcl {
namespace {

constexpr const char* kOnError[] = {"stop", "skip"};

}  // namespace

void DatasetOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "data",
           .key = "layout",
           .value = "NAME",
           .help = "how the data are laid out; auto: recognised by what lies there",
           .allowed = dataset_layouts()},
          &layout);
  visitor({.table = "data",
           .key = "size",
           .value = "N",
           .unit = "pixels",
           .help = "side of a view; 0: as large as the images, 224 for image files",
           .range = {.low = 0, .high = 4096}},
          &size);
  visitor(
      {.table = "data",
       .key = "val_fraction",
       .value = "X",
       .unit = "share of the images",
       .help = "of the training images, held back to evaluate on instead of test images, by the "
               "hash of "
               "their names",
       .range = {.low = 0, .high = 0.9}},
      &val_fraction);
  visitor(
      {.table = "data",
       .key = "on_error",
       .value = "WHAT",
       .help = "at an image file that cannot be read: stop, or leave it out and draw another in "
               "its place",
       .may_change = true},
      Choice(skip_bad_images, kOnError));
  visitor({.table = "data",
           .key = "error_limit",
           .value = "N",
           .unit = "images",
           .help = "skipped before the run stops after all",
           .range = {.low = 0},
           .may_change = true},
          &error_limit);
  visitor(
      {.table = "data",
       .key = "reduce_decoding",
       .help = "faster: decode JPEG files at 1/2, 1/4 or 1/8 where a crop is that much too large"},
      &reduce_decoding);
  visitor({.table = "data",
           .key = "mean",
           .value = "R,G,B",
           .help = "of the channels, which normalisation takes off; left out: the data set's own",
           .range = {.low = 0, .high = 1}},
          &mean);
  visitor({.table = "data",
           .key = "deviation",
           .value = "R,G,B",
           .help = "of the channels, by which normalisation divides; left out: the data set's own",
           .range = {.low = 0, .high = 1, .above_low = true}},
          &deviation);
}

}  // namespace amcl
