// Device memory with reuse: freed blocks are kept by size class, because cudaMalloc waits for the
// device. All kernels go to one stream, so a block may be handed out again at once: who used it
// before comes before in the stream.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "engine/core/allocator.h"

namespace amcl::cuda {

// Where blocks come from: cudaMalloc, or in tests the host.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  // Aligned to 256 at least; null if there is no memory.
  virtual void* take(size_t bytes) = 0;
  virtual void give_back(void* block) noexcept = 0;
  // Bytes that could still be taken.
  virtual size_t free_bytes() = 0;
  // Sets all bytes to 0xff, in the order of the stream.
  virtual void fill_with_nan(void* block, size_t bytes) = 0;
};

class CachingAllocator final : public Allocator {
 public:
  explicit CachingAllocator(BlockSource& source) : source_(source) {}
  ~CachingAllocator() override;
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  // When the source has no memory, the free blocks of other sizes are given back before it is asked
  // again; then Error(device) with what was wanted, in use and free.
  void* allocate(size_t bytes) override;
  void release(void* block, size_t bytes) noexcept override;
  MemoryUse use() const override;
  void reset_peak() override;
  void poison(bool on) override;

 private:
  void* take(size_t size);
  void give_back_free_blocks() noexcept;

  BlockSource& source_;
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;  // by size class
  MemoryUse use_;
  bool poison_ = false;
};

}  // namespace amcl::cuda
