// The door to the CUDA backend; which file defines it is the build's choice.
#pragma once
#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace amcl {

struct CudaOptions {
  bool deterministic = false;  // BackendOptions (engine/backend/open.h)
  bool tf32 = false;
};

// Throws Error(device) with the reason where CUDA is not built in or no device can be used.
std::unique_ptr<Backend> open_cuda_backend(const CudaOptions& options);

// One line for `amcl info`: the devices found, or why there are none.
std::string describe_cuda();

}  // namespace amcl
