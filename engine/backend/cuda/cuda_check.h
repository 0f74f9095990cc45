// The status of each call into the CUDA runtime: AMCL_CUDA_CALL(cudaMemcpy(...)) throws
// Error(device) that names the call and gives the runtime's own text, which the runtime then forgets:
// it would give it again to whoever asks about the next launch.
#pragma once
#include <cuda_runtime_api.h>

#include "engine/core/check.h"

#define AMCL_CUDA_CALL(call)                                                  \
  do {                                                                        \
    if (const cudaError_t amcl_status = (call); amcl_status != cudaSuccess) { \
      static_cast<void>(cudaGetLastError());                                  \
      ::amcl::fail(::amcl::ErrorKind::device, "device cuda: ", #call, ": ",   \
                   cudaGetErrorString(amcl_status));                          \
    }                                                                         \
  } while (false)
