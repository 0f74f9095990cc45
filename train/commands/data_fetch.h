// amcl data fetch.
#pragma once
#include <string>

#include "data/fetch/fetch.h"
#include "train/progress.h"

namespace amcl {

struct DataFetchOptions {
  std::string name;  // of one of published_sets()
  FetchOptions fetch;
  bool json = false;
  ProgressOptions progress;
};

int run_data_fetch(const DataFetchOptions& options);

}  // namespace amcl
