#include "engine/core/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kAlignment = 64;

// Classes are powers of two and three steps between them (at most 25 % waste, 64 bytes at least).
size_t size_class(size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  const size_t step = std::max(kAlignment, std::bit_floor(bytes) / 4);
  return (bytes + step - 1) / step * step;
}

}  // namespace

HostAllocator::~HostAllocator() {
  for (const auto& [size, blocks] : free_)
    for (void* block : blocks) std::free(block);  // NOLINT(cppcoreguidelines-no-malloc)
}

void* HostAllocator::allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  void* block = nullptr;
  if (auto it = free_.find(size); it != free_.end() && !it->second.empty()) {
    block = it->second.back();
    it->second.pop_back();
  } else {
    block = std::aligned_alloc(kAlignment, size);
    if (block == nullptr)
      fail(ErrorKind::device, "out of memory: wanted ", size >> 20, " MiB with ", use_.in_use >> 20,
           " MiB in use; a smaller --batch or --width needs less");
    use_.reserved += static_cast<int64_t>(size);
  }
  use_.in_use += static_cast<int64_t>(size);
  use_.peak = std::max(use_.peak, use_.in_use);
  if (poison_) std::memset(block, 0xff, size);  // all bits set is a NaN in f64, f32 and bf16
  return block;
}

void HostAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  free_[size].push_back(block);
  use_.in_use -= static_cast<int64_t>(size);
}

MemoryUse HostAllocator::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void HostAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.in_use;
}

void HostAllocator::poison(bool on) {
  const std::lock_guard lock(mutex_);
  poison_ = on;
}

}  // namespace amcl
