#include "engine/backend/cuda/open_cuda.h"

#include "engine/backend/cuda/cuda_backend.h"

namespace amcl {

std::unique_ptr<Backend> open_cuda_backend(const CudaOptions& options) {
  return std::make_unique<cuda::CudaBackend>(options);
}

std::string describe_cuda() {
  const std::string reason = cuda::reason_against_cuda();
  if (!reason.empty()) return "not usable: " + reason;
  try {
    return concat_text(cuda::describe_first_device(), "; ", cuda::CublasLtProducts().version(),
                       ", ", cuda::CudnnConvolutions({}).version());
  } catch (const Error& error) {
    return concat_text("not usable: ", error.what());
  }
}

}  // namespace amcl
