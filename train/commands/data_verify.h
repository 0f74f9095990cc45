// amcl data verify.
#pragma once
#include <cstdint>
#include <string>

#include "train/progress.h"

namespace amcl {

struct DataVerifyOptions {
  std::string source;
  std::string layout = "auto";
  int64_t threads = 0;
  bool json = false;
  ProgressOptions progress;
};

// kExitData if an image is damaged.
int run_data_verify(const DataVerifyOptions& options);

}  // namespace amcl
