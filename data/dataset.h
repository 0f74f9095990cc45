// A set of images, in memory or in files: what the loader and the evaluation read.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/bad_images.h"
#include "data/decode/decode.h"
#include "data/image_files.h"
#include "data/passed_over.h"
#include "engine/backend/op_specs.h"
#include "engine/core/device.h"
#include "engine/core/tensor.h"

namespace amcl {

class Backend;

// Which part of a data set. `unlabeled` is a part of its own in STL-10.
enum class Split { train, test, unlabeled };
const char* name_of(Split split);  // as in messages: "training", "test", "unlabeled"
// The values of --split.
inline constexpr const char* kSplitNames[] = {"train", "test", "unlabeled"};
std::string key_of(Split split);  // one of them: as on the command line and in records

struct Dataset {
  std::string name;    // "CIFAR-10", "shapes10": for messages and records
  std::string layout;  // what was recognised: "binary version", "3 class folders"
  // Images of one size, u8 [n, H, W, 3], in the memory of the device that makes views; or `files`.
  Tensor images;
  // The host, if it makes the views for a device that does not hold the set
  // (data/views/dataset_placement.h). Outlives the set.
  Backend* host = nullptr;
  std::shared_ptr<const ImageFiles> files;  // decoded whenever they are wanted, if not in memory
  // What happens when an image cannot be read, and which could not.
  std::shared_ptr<BadImages> bad_images = std::make_shared<BadImages>(/*skip=*/false, /*limit=*/0);
  ImageExtent file_extent;  // of all images in `files`, where they have one size by their layout
  int64_t size = 0;         // side of the views and of the images in evaluation; 0: as the images
  int64_t resize = 0;       // in evaluation only, as the next (preprocessing.h); 0: by the size
  Interpolation interpolation = Interpolation::bilinear;
  bool reduce_decoding = false;  // decode JPEG files smaller where the crop is larger than the view
  std::vector<int32_t> labels;   // n of them, or none
  std::vector<std::string> class_names;  // may be empty
  ImageNormalization
      normalization;       // channel mean and deviation of the training set, values in [0, 1]
  PassedOver passed_over;  // of the directory that holds the images
  std::vector<std::string> warnings;  // what people should know of the source: a line each

  int64_t count() const {
    if (files) return files->count();
    return images.defined() ? images.dim(0) : 0;
  }
  bool in_memory() const { return images.defined(); }
  bool labelled() const { return !labels.empty(); }
  // By the names and the labels; 0 without labels.
  int64_t class_count() const;
  // The file's name, or the number of an image that has none.
  std::string image_name(int64_t index) const {
    return files ? files->name(index) : std::to_string(index);
  }
  // Of every image; zeros where they differ.
  ImageExtent image_extent() const {
    return in_memory() ? ImageExtent{images.dim(1), images.dim(2)} : file_extent;
  }
  // Of the views and of the images in evaluation.
  ImageExtent view_extent() const { return size > 0 ? ImageExtent{size, size} : image_extent(); }
  // Hash over number, sizes and a sample of contents: a run refuses to resume on other data.
  std::string fingerprint() const;
};

// "cat", or "3" where the classes have no names.
std::string class_name(const std::vector<std::string>& names, int64_t label);

}  // namespace amcl
