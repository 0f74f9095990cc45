// amcl data pack.
#pragma once
#include <string>

#include "data/sources/pack.h"
#include "train/progress.h"

namespace amcl {

struct DataPackOptions {
  std::string source;
  std::string file;
  PackOptions pack;
  std::string on_error = "stop";
  int64_t threads = 0;
  bool json = false;
  ProgressOptions progress;
};

int run_data_pack(const DataPackOptions& options);

}  // namespace amcl
