#include "engine/core/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/core/host_memory.h"
#include "engine/core/out_of_memory.h"

namespace amcl {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

size_t PooledAllocator::size_class(size_t bytes) const {
  if (bytes <= smallest_) return smallest_;
  const size_t step = std::max(smallest_, std::bit_floor(bytes) / steps_);
  return (bytes + step - 1) / step * step;
}

void* PooledAllocator::allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  const bool recording = open_ != nullptr && open_->thread_ == std::this_thread::get_id();
  FreeBlocks& free = recording ? open_->free_ : free_;
  void* block = nullptr;
  if (const auto it = free.find(size); it != free.end() && !it->second.empty()) {
    block = it->second.back();
    it->second.pop_back();
  } else {
    block = take(size);
    use_.reserved += static_cast<int64_t>(size);
  }
  if (recording) owners_[block] = open_;
  use_.in_use += static_cast<int64_t>(size);
  use_.peak = std::max(use_.peak, use_.in_use);
  if (poison_) fill_with_nan(block, size);
  return block;
}

void PooledAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  const auto owner = owners_.find(block);
  PrivatePool* pool = owner == owners_.end() ? nullptr : owner->second;
  try {
    (pool != nullptr ? pool->free_ : free_)[size].push_back(block);
  } catch (const std::bad_alloc&) {
    // No memory to remember it by. One that a replay may still use is lost.
    if (pool == nullptr) {
      give_back(block);
      use_.reserved -= static_cast<int64_t>(size);
    }
  }
  if (pool != nullptr && pool != open_)
    pool->held_ += static_cast<int64_t>(size);  // a replay still uses it
  else
    use_.in_use -= static_cast<int64_t>(size);
}

std::unique_ptr<PooledAllocator::PrivatePool> PooledAllocator::begin_private_pool() {
  const std::lock_guard lock(mutex_);
  if (open_ != nullptr) fail(ErrorKind::internal, "allocator: two recordings at the same time");
  std::unique_ptr<PrivatePool> pool(new PrivatePool(*this));
  pool->free_.swap(free_);
  open_ = pool.get();
  return pool;
}

void PooledAllocator::end_private_pool(PrivatePool& pool) {
  const std::lock_guard lock(mutex_);
  open_ = nullptr;
  for (auto& [size, blocks] : pool.free_) {
    const auto used = std::partition(blocks.begin(), blocks.end(),
                                     [this](void* block) { return !owners_.contains(block); });
    free_[size].insert(free_[size].end(), blocks.begin(), used);
    blocks.erase(blocks.begin(), used);
    pool.held_ += static_cast<int64_t>(size * blocks.size());
  }
  use_.in_use += pool.held_;
  use_.peak = std::max(use_.peak, use_.in_use);
}

void PooledAllocator::dissolve(PrivatePool& pool) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(owners_, [&](const auto& owner) { return owner.second == &pool; });
  for (auto& [size, blocks] : pool.free_)
    free_[size].insert(free_[size].end(), blocks.begin(), blocks.end());
  use_.in_use -= pool.held_;
  if (open_ == &pool) open_ = nullptr;
}

void PooledAllocator::give_back_free_blocks() noexcept {
  for (auto& [size, blocks] : free_) {
    for (void* block : blocks) {
      give_back(block);
      use_.reserved -= static_cast<int64_t>(size);
    }
    blocks.clear();
  }
}

MemoryUse PooledAllocator::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void PooledAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.in_use;
}

void PooledAllocator::poison(bool on) {
  const std::lock_guard lock(mutex_);
  poison_ = on;
}

HostAllocator::HostAllocator() : PooledAllocator(kAlignment, /*steps=*/4) {}

HostAllocator::~HostAllocator() {
  give_back_free_blocks();
}

void* HostAllocator::take(size_t size) {
  const bool huge = size >= kHugePage;
  void* block = nullptr;
  const auto found = [&] {
    return posix_memalign(&block, huge ? kHugePage : kAlignment, size) == 0;
  };
  if (!found()) {
    give_back_free_blocks();  // of other sizes
    if (!found())
      throw OutOfMemory(concat_text("out of memory: wanted ", size >> 20, " MiB with ",
                                    bytes_in_use() >> 20, " MiB in use and ",
                                    free_host_bytes() >> 20, " MiB free"));
  }
  // A hint: with pages of 4 KiB a step of width 16 takes 4 to 18 % longer.
  if (huge) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

void HostAllocator::give_back(void* block) noexcept {
  std::free(block);  // NOLINT(cppcoreguidelines-no-malloc)
}

void HostAllocator::fill_with_nan(void* block, size_t size) {
  std::memset(block, 0xff, size);
}

}  // namespace amcl
