#include "engine/backend/cuda/open_cuda.h"

#include "engine/backend/cuda/cuda_backend.h"

namespace amcl {

std::unique_ptr<Backend> open_cuda_backend(const CudaOptions& options) {
  return std::make_unique<cuda::CudaBackend>(options);
}

std::string describe_cuda() {
  const cuda::GpuSurvey survey = cuda::find_gpus();
  if (!survey.failure.empty()) return "not usable: " + survey.failure;
  if (survey.gpus.empty()) return "not usable: no GPU";
  try {
    return concat_text(cuda::describe(survey.gpus), "; ", cuda::CublasLtProducts::version(), ", ",
                       cuda::CudnnLibrary().version());
  } catch (const Error& error) {
    return concat_text("not usable: ", error.what());
  }
}

}  // namespace amcl
