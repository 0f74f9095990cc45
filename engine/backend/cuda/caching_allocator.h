// Device memory with reuse, because cudaMalloc waits for the device. All kernels go to one stream, so
// a block may be handed out again at once: who used it before comes before in the stream. Of blocks that
// the copy stream writes, the events of CudaUpload see to that.
#pragma once
#include <cstddef>

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

// Steps between size classes are finer than on the host, because the large activations of a step
// decide which batch fits.
class CachingAllocator final : public PooledAllocator {
 public:
  explicit CachingAllocator(BlockSource& source)
      : PooledAllocator(/*smallest=*/512, /*steps=*/8), source_(source) {}
  ~CachingAllocator() override;

 private:
  // When the source has no memory, the free blocks of other sizes are given back before it is asked
  // again; then OutOfMemory with what was wanted, in use and free.
  void* take(size_t size) override;
  void give_back(void* block) noexcept override { source_.give_back(block); }
  void fill_with_nan(void* block, size_t size) override { source_.fill_with_nan(block, size); }

  BlockSource& source_;
};

}  // namespace amcl::cuda
