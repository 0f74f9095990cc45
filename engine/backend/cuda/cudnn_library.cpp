#include "engine/backend/cuda/cudnn_library.h"

namespace amcl::cuda {

std::string CudnnLibrary::version() const {
  const size_t number = cudnnGetVersion();
  return concat_text("cuDNN ", number / 10000, '.', number / 100 % 100, '.', number % 100);
}

bool CudnnDescriptor::finalize() {
  const cudnnStatus_t status = library_->cudnnBackendFinalize(descriptor_);
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return false;
  if (status != CUDNN_STATUS_SUCCESS)
    fail(ErrorKind::device,
         "device cuda: cudnnBackendFinalize: ", library_->cudnnGetErrorString(status));
  return true;
}

bool CudnnDescriptor::try_finalize() {
  return library_->cudnnBackendFinalize(descriptor_) == CUDNN_STATUS_SUCCESS;
}

}  // namespace amcl::cuda
