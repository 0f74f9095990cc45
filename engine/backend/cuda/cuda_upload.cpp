#include "engine/backend/cuda/cuda_upload.h"

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {

CudaEvent::CudaEvent() {
  AMCL_CUDA_CALL(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
}

CudaEvent::~CudaEvent() {
  cudaEventDestroy(event_);
}

void CudaEvent::record(const CudaStream& stream) {
  AMCL_CUDA_CALL(cudaEventRecord(event_, stream.get()));
}

void CudaEvent::hold_back(const CudaStream& stream) const {
  AMCL_CUDA_CALL(cudaStreamWaitEvent(stream.get(), event_, 0));
}

bool CudaEvent::passed() const {
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) return false;
  AMCL_CUDA_CALL(status);
  return true;
}

void CudaEvent::wait() const {
  AMCL_CUDA_CALL(cudaEventSynchronize(event_));
}

PinnedMemory::PinnedMemory(void* block, size_t bytes)
    : block_(cudaHostRegister(block, bytes, cudaHostRegisterDefault) == cudaSuccess ? block
                                                                                    : nullptr) {
  if (block_ == nullptr)
    static_cast<void>(cudaGetLastError());  // the runtime would report it again
}

PinnedMemory::~PinnedMemory() {
  if (block_ != nullptr) cudaHostUnregister(block_);
}

CudaUpload::CudaUpload(const CudaStream& compute, const CudaStream& copies)
    : compute_(compute), copies_(copies) {
  // A block from the allocator may still be read by work of the tensor that had it before.
  free_.record(compute_);
}

CudaUpload::~CudaUpload() {
  try {
    copied_.wait();
  } catch (const Error&) {
    // The device has failed, and whoever uses it next says so.
  }
}

void CudaUpload::start(void* destination, const void* source, size_t bytes) {
  free_.hold_back(copies_);
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, copies_.get()));
  copied_.record(copies_);
}

}  // namespace amcl::cuda
