// How a source of images is read.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/setting.h"

namespace amcl {

// Sides of the views of image files, where nothing else is asked for.
inline constexpr int64_t kFileViewSize = 224;

struct DatasetOptions {
  std::string layout = "auto";  // one of dataset_layouts(); auto: recognised by what lies there
  int64_t size = 0;             // Dataset::size; 0: the images' own, kFileViewSize for files
  double val_fraction = 0.0;    // of training images, held back as test images (held_out.h)
  bool skip_bad_images = false;
  int64_t error_limit = 100;  // of bad images that are skipped
  bool reduce_decoding = false;
  Interpolation interpolation = Interpolation::bilinear;  // of Dataset
  bool all_may_be_bad = false;  // else a set of which no image can be read is an error
  // Of the channels, Dataset::normalization; what is not there is the data set's own.
  std::optional<std::array<double, 3>> mean = {};
  std::optional<std::array<double, 3>> deviation = {};

  // All but interpolation, which is that of the augmentation.
  void visit_settings(const SettingVisitor& visitor);
};

// The values of DatasetOptions::layout.
std::vector<std::string> dataset_layouts();

}  // namespace amcl
