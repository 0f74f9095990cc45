// The CUDA backend: own kernels, cuBLASLt for products, cuDNN for convolutions, on one GPU and one
// stream of work; uploads have another.
#pragma once
#include "engine/backend/cuda/cublaslt_products.h"
#include "engine/backend/cuda/cuda_device.h"
#include "engine/backend/cuda/cuda_upload.h"
#include "engine/backend/cuda/cudnn_convolutions.h"
#include "engine/backend/cuda/open_cuda.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {

class CudaBackend final : public OwnKernels {
 public:
  // Throws Error(device) with the reason where the GPU, driver or a library cannot be used.
  explicit CudaBackend(const CudaOptions& options);
  ~CudaBackend() override;

  const char* name() const override { return name_.c_str(); }
  Allocator& allocator() override { return allocator_; }
  void copy_from_host(void* destination, const void* source, size_t bytes) override;
  void copy_to_host(void* destination, const void* source, size_t bytes) override;
  void copy(void* destination, const void* source, size_t bytes) override;
  void fill_zero(void* destination, size_t bytes) override;
  void synchronize() override;
  std::optional<int64_t> free_memory() override;
  std::unique_ptr<Upload> open_upload() override;
  std::shared_ptr<void> pin(void* block, size_t bytes) override;
  bool is_asynchronous() const override { return true; }
  std::unique_ptr<PendingRead> read_later(const void* source, size_t count) override;
  bool can_capture() const override { return true; }
  std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override;

  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override;
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override;
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override;
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override;

 protected:
  void* stream() override { return streams_.current().get(); }

 private:
  class Capture;
  struct UsableDevice {
    explicit UsableDevice(int gpu);  // throws what the backend's constructor throws
    int gpu;
  };

  UsableDevice device_;
  std::string name_;  // "cuda:1"
  CudaStreams streams_;
  CudaStream copies_;
  CudaMemory memory_;
  CachingAllocator allocator_;
  HostReads reads_;
  CublasLtProducts products_;
  CudnnConvolutions convolutions_;
};

}  // namespace amcl::cuda
