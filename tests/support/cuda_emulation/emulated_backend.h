// The CUDA backend on an emulated GPU: its own kernels and their launches run as they are; what the
// libraries of a GPU do (products, convolutions) is done by the plain backend, in f32 and f64.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "engine/backend/cuda/caching_allocator.h"
#include "engine/backend/cuda/own_kernels.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/support/cuda_emulation/emulated_upload.h"
#include "tests/support/cuda_emulation/guarded_allocator.h"
#include "tests/support/cuda_emulation/stream.h"

namespace amcl::emulation {

enum class Memory {
  exact,   // guarded blocks of the size asked for, which show what a kernel does to memory
  pooled,  // the CUDA backend's allocator, which work that is recorded needs
};

// Tensors over memory that others hold: what a kernel sees of its arguments.
class Borrower final : public PlainBackend {
 public:
  Allocator& allocator() override { return memory_; }
  Tensor borrow(const Tensor& tensor) {
    memory_.block = const_cast<void*>(tensor.raw());
    return Tensor::empty(*this, tensor.shape(), tensor.dtype());
  }

 private:
  struct BorrowedMemory final : public Allocator {
    void* allocate(size_t) override { return block; }
    void release(void*, size_t) noexcept override {}
    MemoryUse use() const override { return {}; }
    void reset_peak() override {}
    void poison(bool) override {}
    void* block = nullptr;
  };

  BorrowedMemory memory_;
};

class EmulatedBackend final : public cuda::OwnKernels {
 public:
  // `order`: of blocks and threads, Launch::order in grid.h.
  explicit EmulatedBackend(uint64_t order, Memory memory = Memory::exact,
                           int64_t free_memory = int64_t{1} << 40)
      : work_{order}, recording_{order}, memory_(memory), free_memory_(free_memory) {}

  const char* name() const override { return "cuda (emulated)"; }
  Allocator& allocator() override {
    return memory_ == Memory::pooled ? static_cast<Allocator&>(pooled_) : guarded_;
  }
  // Of Memory::exact.
  GuardedAllocator& guarded() { return guarded_; }
  std::optional<int64_t> free_memory() override { return free_memory_; }
  std::unique_ptr<Upload> open_upload() override { return std::make_unique<EmulatedUpload>(); }
  // Refuses what a GPU's driver would: a page that is pinned already.
  std::shared_ptr<void> pin(void* block, size_t bytes) override;

  void copy_from_host(void* destination, const void* source, size_t bytes) override;
  void copy_to_host(void* destination, const void* source, size_t bytes) override;
  void copy(void* destination, const void* source, size_t bytes) override;
  void fill_zero(void* destination, size_t bytes) override;
  void synchronize() override;
  // As on a GPU the host runs ahead, although here the work is done already.
  bool is_asynchronous() const override { return memory_ == Memory::pooled; }
  bool can_capture() const override { return memory_ == Memory::pooled; }
  std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override;

  void matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) override;
  void conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) override;
  void conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) override;
  void conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) override;

 protected:
  void* stream() override { return &current(); }

 private:
  class Recording;

  // Blocks of the host's memory for the CUDA backend's allocator.
  class HostBlocks final : public cuda::BlockSource {
   public:
    explicit HostBlocks(EmulatedBackend& device) : device_(device) {}
    void* take(size_t bytes) override;
    void give_back(void* block) noexcept override;
    size_t free_bytes() override { return 0; }
    void fill_with_nan(void* block, size_t bytes) override;

   private:
    EmulatedBackend& device_;
  };

  // Where the calling thread's work goes.
  Stream& current() { return recorder_ == std::this_thread::get_id() ? recording_ : work_; }
  void refuse_while_recording(const char* what) const {
    if (recorder_ == std::this_thread::get_id()) cuda::refuse_in_capture(what);
  }

  std::set<uintptr_t> pinned_;  // pages
  Stream work_;
  Stream recording_;
  std::atomic<std::thread::id> recorder_{};
  Memory memory_;
  int64_t free_memory_;
  GuardedAllocator guarded_;
  HostBlocks blocks_{*this};
  cuda::CachingAllocator pooled_{blocks_};
  PlainBackend library_;
  Borrower borrower_;
};

}  // namespace amcl::emulation
