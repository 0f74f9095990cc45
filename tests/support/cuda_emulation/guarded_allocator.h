// Blocks of exactly the size asked for, between guards: the address sanitizer refuses every access
// to a guard, and without it a guard that was written is found when the block is released.
#pragma once
#include <mutex>

#include "engine/core/allocator.h"

namespace amcl::emulation {

class GuardedAllocator final : public Allocator {
 public:
  // Aligned to 64 and no more, so that no kernel relies on more.
  void* allocate(size_t bytes) override;
  void release(void* block, size_t bytes) noexcept override;
  MemoryUse use() const override;
  void reset_peak() override;
  void poison(bool) override {}  // blocks always come filled with NaN

  // Blocks released so far around which something had been written.
  int64_t overruns() const;

 private:
  mutable std::mutex mutex_;
  MemoryUse use_;
  int64_t overruns_ = 0;
};

}  // namespace amcl::emulation
