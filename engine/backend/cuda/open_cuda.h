// The door to the CUDA backend; which file defines it is the build's choice.
#pragma once
#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace amcl {

struct CudaOptions {
  int gpu = 0;                 // its number
  bool deterministic = false;  // BackendOptions (engine/backend/open.h)
  bool tf32 = false;
};

// Throws Error(device) with the reason where CUDA is not built in or the GPU cannot be used.
std::unique_ptr<Backend> open_cuda_backend(const CudaOptions& options);

// One line for `amcl info`: the GPUs and libraries found, or why there are none.
std::string describe_cuda();

}  // namespace amcl
