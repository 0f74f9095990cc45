#include "engine/backend/cuda/cuda_backend.h"

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {
namespace {

CudaStream stream_of_usable_device() {
  if (const std::string reason = reason_against_cuda(); !reason.empty())
    fail(ErrorKind::device, "device cuda: ", reason, "; use --device cpu");
  return CudaStream();
}

}  // namespace

CudaBackend::CudaBackend()
    : stream_(stream_of_usable_device()), memory_(stream_), allocator_(memory_) {}

CudaBackend::~CudaBackend() {
  cudaStreamSynchronize(stream_.get());  // before what it works on goes
}

void CudaBackend::copy_from_host(void* destination, const void* source, size_t bytes) {
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, stream_.get()));
  // Memory that is not pinned was read when the call returns; pinned memory may not have been.
  synchronize();
}

void CudaBackend::copy_to_host(void* destination, const void* source, size_t bytes) {
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, stream_.get()));
  synchronize();
}

void CudaBackend::copy(void* destination, const void* source, size_t bytes) {
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice, stream_.get()));
}

void CudaBackend::fill_zero(void* destination, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemsetAsync(destination, 0, bytes, stream_.get()));
}

void CudaBackend::synchronize() {
  stream_.synchronize();
}

// The allocator's free blocks count too: it gives them back before it says that there is no memory.
std::optional<int64_t> CudaBackend::free_memory() {
  const MemoryUse use = allocator_.use();
  return static_cast<int64_t>(memory_.free_bytes()) + use.reserved - use.in_use;
}

std::unique_ptr<Upload> CudaBackend::open_upload() {
  return std::make_unique<CudaUpload>(stream_, copies_);
}

std::shared_ptr<void> CudaBackend::pin(void* block, size_t bytes) {
  return std::make_shared<PinnedMemory>(block, bytes);
}

void CudaBackend::matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) {
  products_.run(a, b, spec, stream_.get(), c);
}

void CudaBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  convolutions_.run(
      plan_convolution(ConvPass::forward, x.shape(), w.shape(), y.shape(), spec, x.dtype()), x, w,
      y, stream_.get());
}

void CudaBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) {
  convolutions_.run(plan_convolution(ConvPass::input_gradient, dx.shape(), w.shape(), dy.shape(),
                                     spec, dy.dtype()),
                    dx, w, dy, stream_.get());
}

void CudaBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) {
  convolutions_.run(plan_convolution(ConvPass::filter_gradient, x.shape(), dw.shape(), dy.shape(),
                                     spec, x.dtype()),
                    x, dw, dy, stream_.get());
}

}  // namespace amcl::cuda
