#include "tests/support/cuda_emulation/emulated_backend.h"

#include <cstring>
#include <new>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/whole_pages.h"

namespace amcl::emulation {
namespace {

constexpr std::align_val_t kBlockAlignment{256};  // cudaMalloc's

}  // namespace

// What a stream has recorded, with the memory that it works in.
class EmulatedBackend::Recording final : public CapturedWork {
 public:
  explicit Recording(EmulatedBackend& device)
      : device_(device), pool_(device.pooled_.begin_private_pool()) {}

  void record(const std::function<void()>& work) {
    struct Recorder {
      Recorder(EmulatedBackend& recording, std::vector<std::function<void()>>& kept)
          : device(recording) {
        device.recording_.nullable_recording = &kept;
        device.recorder_ = std::this_thread::get_id();
      }
      ~Recorder() {
        device.recorder_ = std::thread::id();
        device.recording_.nullable_recording = nullptr;
      }
      EmulatedBackend& device;
    } const recorder(device_, kept_);
    work();
    device_.pooled_.end_private_pool(*pool_);
  }
  void replay() override {
    for (const std::function<void()>& one : kept_) one();
  }

 private:
  EmulatedBackend& device_;
  std::unique_ptr<PooledAllocator::PrivatePool> pool_;
  std::vector<std::function<void()>> kept_;
};

std::unique_ptr<CapturedWork> EmulatedBackend::capture(const std::function<void()>& work) {
  auto recording = std::make_unique<Recording>(*this);
  recording->record(work);
  return recording;
}

void* EmulatedBackend::HostBlocks::take(size_t bytes) {
  void* block = ::operator new(bytes, kBlockAlignment);
  std::memset(block, 0xff, bytes);  // NaN
  return block;
}

void EmulatedBackend::HostBlocks::give_back(void* block) noexcept {
  ::operator delete(block, kBlockAlignment);
}

void EmulatedBackend::HostBlocks::fill_with_nan(void* block, size_t bytes) {
  device_.current().give([block, bytes] { std::memset(block, 0xff, bytes); });
}

std::shared_ptr<void> EmulatedBackend::pin(void* block, size_t bytes) {
  std::vector<uintptr_t> pages;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(block) / kPageBytes;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(block) + bytes - 1) / kPageBytes + 1;
  for (uintptr_t page = begin; page < end; ++page) {
    if (!pinned_.insert(page).second)
      fail(ErrorKind::internal, "emulation: a page is pinned already");
    pages.push_back(page);
  }
  return {block, [this, pages](void*) {
            for (const uintptr_t page : pages) pinned_.erase(page);
          }};
}

void EmulatedBackend::copy_from_host(void* destination, const void* source, size_t bytes) {
  refuse_while_recording("a copy from the host");
  library_.copy_from_host(destination, source, bytes);
}

void EmulatedBackend::copy_to_host(void* destination, const void* source, size_t bytes) {
  refuse_while_recording("a read by the host");
  library_.copy_to_host(destination, source, bytes);
}

void EmulatedBackend::copy(void* destination, const void* source, size_t bytes) {
  current().give([this, destination, source, bytes] { library_.copy(destination, source, bytes); });
}

void EmulatedBackend::fill_zero(void* destination, size_t bytes) {
  current().give([this, destination, bytes] { library_.fill_zero(destination, bytes); });
}

void EmulatedBackend::synchronize() {
  refuse_while_recording("a wait");
}

void EmulatedBackend::matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) {
  current().give([this, a = borrower_.borrow(a), b = borrower_.borrow(b), spec,
                  c = borrower_.borrow(c)]() mutable { library_.matmul(a, b, spec, c); });
}

void EmulatedBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  current().give([this, x = borrower_.borrow(x), w = borrower_.borrow(w), spec,
                  y = borrower_.borrow(y)]() mutable { library_.conv2d(x, w, spec, y); });
}

void EmulatedBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec,
                                Tensor& dx) {
  current().give([this, dy = borrower_.borrow(dy), w = borrower_.borrow(w), spec,
                  dx = borrower_.borrow(dx)]() mutable { library_.conv2d_dx(dy, w, spec, dx); });
}

void EmulatedBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec,
                                Tensor& dw) {
  current().give([this, x = borrower_.borrow(x), dy = borrower_.borrow(dy), spec,
                  dw = borrower_.borrow(dw)]() mutable { library_.conv2d_dw(x, dy, spec, dw); });
}

}  // namespace amcl::emulation
