// A set of images in memory: what the loader and the evaluation read.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/device.h"
#include "engine/core/tensor.h"

namespace amcl {

enum class Split { train, test };

struct Dataset {
  std::string name;             // "CIFAR-10", "shapes10": for messages and records
  Tensor images;                // [n, H, W, 3] u8, in the memory of the device that augments
  std::vector<int32_t> labels;  // n of them, or none
  std::vector<std::string> class_names;  // may be empty
  ImageNormalization
      normalization;  // channel mean and deviation of the training set, values in [0, 1]

  int64_t count() const { return images.defined() ? images.dim(0) : 0; }
  bool labelled() const { return !labels.empty(); }
  // Hash over number, sizes and a sample of contents: a run refuses to resume on other data.
  std::string fingerprint() const;
};

// Opens `source`: "shapes10", or a directory that holds a known layout (conventions.md). limit > 0
// keeps the first `limit` images. Errors: missing (66), unknown layout or corrupt file (65), each
// naming path and remedy.
Dataset open_dataset(Device& device, const std::string& source, Split split, int64_t limit,
                     uint64_t seed);

}  // namespace amcl
