// Working memory of the kernels of the cpu backend: one block from the backend's allocator that
// grows to the largest need and is used again by every call. One kernel uses it at a time, so
// parts of it are cut from one request.
#pragma once
#include "engine/core/allocator.h"

namespace amcl {

class Scratch {
 public:
  explicit Scratch(Allocator& allocator) : allocator_(allocator) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  // At least `bytes`, aligned to 64, with undefined content; the block of the call before is void.
  void* bytes(size_t bytes) {
    if (bytes > capacity_) {
      release();
      block_ = allocator_.allocate(bytes);
      capacity_ = bytes;
    }
    return block_;
  }
  float* floats(int64_t count) {
    return static_cast<float*>(bytes(static_cast<size_t>(count) * sizeof(float)));
  }

 private:
  void release() noexcept {
    if (block_ != nullptr) allocator_.release(block_, capacity_);
    block_ = nullptr;
    capacity_ = 0;
  }

  Allocator& allocator_;
  void* block_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace amcl
