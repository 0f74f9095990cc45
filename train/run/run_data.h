// The device of a run and its images, opened.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sources/label_draw.h"
#include "engine/backend/backend.h"
#include "train/config/config.h"

namespace amcl {

struct RunData {
  // Errors as open_training_backend(), open_dataset() and draw_labels().
  explicit RunData(const Config& config);

  std::unique_ptr<Backend> backend;
  std::unique_ptr<Backend> host;  // for images that are not in the memory of `backend`
  Dataset dataset;
  // For the online evaluation; empty without it, or where there are no test images. Of a run that learns
  // from labels those held out instead: such a run does not see test images.
  Dataset test;
  std::vector<std::string> test_warnings;  // where they are others than those of `dataset`
  std::string labels;  // of such a run, to be listed: a line for each label, with image and part

  // Frees the memory of the test images, once what is needed of them was copied, and the host's
  // memory of training images that lie on the device.
  void close_test();

 private:
  Dataset open(const Config& config, Split split, int64_t limit) const;
  void open_test(const Config& config);
  void draw(const Config& config, const ClassifierOptions& options);
};

}  // namespace amcl
