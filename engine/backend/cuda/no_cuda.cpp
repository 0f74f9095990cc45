#include "engine/backend/cuda/open_cuda.h"
#include "engine/core/check.h"

namespace amcl {

std::unique_ptr<Backend> open_cuda_backend(const CudaOptions&) {
  fail(ErrorKind::device, "device cuda: this binary was built without CUDA; use --device cpu");
}

std::string describe_cuda() {
  return "not in this build";
}

}  // namespace amcl
