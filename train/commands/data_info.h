// amcl data info.
#pragma once
#include <string>

namespace amcl {

struct DataInfoOptions {
  std::string source;
  std::string layout = "auto";
  bool json = false;
};

int run_data_info(const DataInfoOptions& options);

}  // namespace amcl
