// The CUDA backend on an emulated GPU: its own kernels and their launches run as they are; what the
// libraries of a GPU do (products, convolutions) is done by the plain backend, in f32 and f64.
#pragma once
#include <cstdint>

#include "engine/backend/cuda/own_kernels.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/support/cuda_emulation/emulated_upload.h"
#include "tests/support/cuda_emulation/guarded_allocator.h"

namespace amcl::emulation {

class EmulatedBackend final : public cuda::OwnKernels {
 public:
  // `order`: of blocks and threads, Launch::order in grid.h.
  explicit EmulatedBackend(uint64_t order, int64_t free_memory = int64_t{1} << 40)
      : order_(order), free_memory_(free_memory) {}

  const char* name() const override { return "cuda (emulated)"; }
  GuardedAllocator& allocator() override { return allocator_; }
  void copy_from_host(void* destination, const void* source, size_t bytes) override {
    library_.copy_from_host(destination, source, bytes);
  }
  void copy_to_host(void* destination, const void* source, size_t bytes) override {
    library_.copy_to_host(destination, source, bytes);
  }
  void copy(void* destination, const void* source, size_t bytes) override {
    library_.copy(destination, source, bytes);
  }
  void fill_zero(void* destination, size_t bytes) override {
    library_.fill_zero(destination, bytes);
  }
  void synchronize() override {}
  std::optional<int64_t> free_memory() override { return free_memory_; }
  std::unique_ptr<Upload> open_upload() override { return std::make_unique<EmulatedUpload>(); }

  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override {
    library_.matmul(a, b, spec, c);
  }
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override {
    library_.conv2d(x, w, spec, y);
  }
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override {
    library_.conv2d_dx(dy, w, spec, dx);
  }
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override {
    library_.conv2d_dw(x, dy, spec, dw);
  }

 protected:
  void* stream() override { return &order_; }

 private:
  uint64_t order_;
  int64_t free_memory_;
  GuardedAllocator allocator_;
  PlainBackend library_;
};

}  // namespace amcl::emulation
