#include "engine/backend/cuda/caching_allocator.h"

#include <algorithm>
#include <bit>

#include "engine/core/check.h"

namespace amcl::cuda {
namespace {

// Classes are powers of two and seven steps between them (at most 12.5 % waste, 512 bytes at
// least): finer than on the host, because the large activations of a step decide which batch fits.
size_t size_class(size_t bytes) {
  constexpr size_t kSmallest = 512;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::max(kSmallest, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

}  // namespace

CachingAllocator::~CachingAllocator() {
  give_back_free_blocks();
}

void* CachingAllocator::allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  void* block = nullptr;
  if (const auto it = free_.find(size); it != free_.end() && !it->second.empty()) {
    block = it->second.back();
    it->second.pop_back();
  } else {
    block = take(size);
  }
  use_.in_use += static_cast<int64_t>(size);
  use_.peak = std::max(use_.peak, use_.in_use);
  if (poison_) source_.fill_with_nan(block, size);
  return block;
}

void* CachingAllocator::take(size_t size) {
  void* block = source_.take(size);
  if (block == nullptr) {
    give_back_free_blocks();
    block = source_.take(size);
  }
  if (block == nullptr)
    fail(ErrorKind::device, "device cuda: out of memory: wanted ", size >> 20, " MiB with ",
         use_.in_use >> 20, " MiB in use and ", source_.free_bytes() >> 20,
         " MiB free; a smaller --batch or --width needs less");
  use_.reserved += static_cast<int64_t>(size);
  return block;
}

void CachingAllocator::give_back_free_blocks() noexcept {
  for (auto& [size, blocks] : free_) {
    for (void* block : blocks) {
      source_.give_back(block);
      use_.reserved -= static_cast<int64_t>(size);
    }
    blocks.clear();
  }
}

void CachingAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  free_[size].push_back(block);
  use_.in_use -= static_cast<int64_t>(size);
}

MemoryUse CachingAllocator::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.in_use;
}

void CachingAllocator::poison(bool on) {
  const std::lock_guard lock(mutex_);
  poison_ = on;
}

}  // namespace amcl::cuda
