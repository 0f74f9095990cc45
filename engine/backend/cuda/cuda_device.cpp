#include "engine/backend/cuda/cuda_device.h"

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {
namespace {

// The oldest architecture that the kernels are compiled for: A100.
constexpr int kLeastMajor = 8;

}  // namespace

std::string reason_against_cuda() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "no NVIDIA driver";
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
    static_cast<void>(cudaGetLastError());  // the runtime would report it again
    return cudaGetErrorString(status);
  }
  if (count == 0) return "no GPU";
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess)
    return cudaGetErrorString(status);
  if (properties.major < kLeastMajor)
    return concat_text(properties.name, " has architecture ", properties.major, '.',
                       properties.minor, "; ", kLeastMajor, ".0 or later is needed");
  return "";
}

std::string describe_first_device() {
  cudaDeviceProp properties{};
  AMCL_CUDA_CALL(cudaGetDeviceProperties(&properties, 0));
  return concat_text(properties.name, ", ", properties.totalGlobalMem >> 30, " GiB, architecture ",
                     properties.major, '.', properties.minor);
}

CudaStream::CudaStream() {
  AMCL_CUDA_CALL(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}

CudaStream::~CudaStream() {
  cudaStreamDestroy(stream_);
}

void CudaStream::synchronize() const {
  AMCL_CUDA_CALL(cudaStreamSynchronize(stream_));
}

void* CudaMemory::take(size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // the allocator reports it
    return nullptr;
  }
  AMCL_CUDA_CALL(status);
  return block;
}

void CudaMemory::give_back(void* block) noexcept {
  cudaFree(block);
}

size_t CudaMemory::free_bytes() {
  size_t free = 0;
  size_t total = 0;
  AMCL_CUDA_CALL(cudaMemGetInfo(&free, &total));
  return free;
}

void CudaMemory::fill_with_nan(void* block, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemsetAsync(block, 0xff, bytes, stream_.get()));
}

}  // namespace amcl::cuda
