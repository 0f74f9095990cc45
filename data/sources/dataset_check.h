// What a data set holds, by a look at its descriptions (data info) or at every image (data verify).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"
#include "data/sources/good_images.h"

namespace amcl {

// Of the images looked at.
struct ExtentRange {
  ImageExtent least;  // height and width each for itself
  ImageExtent most;
  int64_t images = 0;

  void add(ImageExtent extent);
};

struct PartSummary {
  Split split = Split::train;
  int64_t images = 0;
  ExtentRange extents;
  std::map<int32_t, int64_t> labels;  // images of each label; empty without labels
  ImageExtent view;                   // zeros where views are as large as images of differing sizes
  ImageNormalization normalization;
  PassedOver passed_over;
  std::vector<std::string> warnings;
  std::vector<ImageCheck> damaged;  // by verify_dataset(); `error` names the place
};

struct DatasetSummary {
  std::string name;
  std::string layout;
  std::vector<std::string> class_names;
  std::vector<PartSummary> parts;
};

// Looks into at most kSampledFiles image files of each part for their extents, fewer than a
// second's worth; sets of one size and packed sets know all extents.
inline constexpr int64_t kSampledFiles = 256;
DatasetSummary describe_dataset(Device& device, const std::string& source,
                                const DatasetOptions& options);

// Two images of the same extents and pixels, by the hash of both.
struct Duplicate {
  std::string image;  // names
  std::string earlier;
  Split split = Split::train;
  Split earlier_split = Split::train;
};

struct DatasetVerification {
  DatasetSummary summary;
  std::vector<Duplicate> duplicates;  // one for each image that was there before

  int64_t damaged() const;
};

// Decodes every image. `progress` is called now and then.
DatasetVerification verify_dataset(
    Device& device, const std::string& source, const DatasetOptions& options,
    const std::function<void(Split part, int64_t done, int64_t count)>& progress);

}  // namespace amcl
