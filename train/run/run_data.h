// The device of a run and its images, opened.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/config/config.h"

namespace amcl {

struct RunData {
  // Errors as open_training_backend() and open_dataset().
  explicit RunData(const Config& config);

  std::unique_ptr<Backend> backend;
  std::unique_ptr<Backend> host;  // for images that are not in the memory of `backend`
  Dataset dataset;
  Dataset test;  // for the online evaluation; empty without it, or where there are no test images
  std::vector<std::string> test_warnings;  // where they are others than those of `dataset`

  // Frees the memory of the test images, once what is needed of them was copied, and the host's
  // memory of training images that lie on the device.
  void close_test();

 private:
  Dataset open(const Config& config, Split split, int64_t limit) const;
  void open_test(const Config& config);
};

}  // namespace amcl
