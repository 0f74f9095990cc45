// Backends by name. The only place that knows which ones exist is open.cpp.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {

// "cpu" (oneDNN and vectorised kernels), "plain" (readable loops: the definition), "cuda". Throws
// Error(usage) for another name, with the list, and Error(device) where the backend cannot run on
// this machine, with the reason.
std::unique_ptr<Backend> open_backend(const std::string& name);

std::vector<std::string> backend_names();

struct BackendDescription {
  std::string name;
  std::string description;  // one line: libraries and devices found, or why there are none
};
std::vector<BackendDescription> describe_backends();

}  // namespace amcl
