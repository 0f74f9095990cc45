// One GPU: its stream, its memory, copies to and from it.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "engine/backend/cuda/caching_allocator.h"

namespace amcl::cuda {

// Why no GPU of this machine can be used, in one line; empty if the first one can.
std::string reason_against_cuda();

// Its name, memory and architecture, in one line.
std::string describe_first_device();

class CudaStream {
 public:
  CudaStream();
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  cudaStream_t get() const { return stream_; }
  void synchronize() const;

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaMemory final : public BlockSource {
 public:
  explicit CudaMemory(const CudaStream& stream) : stream_(stream) {}
  void* take(size_t bytes) override;
  void give_back(void* block) noexcept override;
  size_t free_bytes() override;
  void fill_with_nan(void* block, size_t bytes) override;

 private:
  const CudaStream& stream_;
};

}  // namespace amcl::cuda
