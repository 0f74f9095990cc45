// The images of a run.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"

namespace amcl {

struct DataOptions {
  std::string data = {};       // directory, file, or "shapes10"
  Split split = Split::train;  // the part to train on
  int64_t limit = 0;           // first N images of it; 0: all
  DatasetOptions reading = {};

  void visit_settings(const SettingVisitor& visitor);
};

}  // namespace amcl
