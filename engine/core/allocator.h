// Memory of one device. Tensors hold blocks from an Allocator and give them back when the last
// handle dies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace amcl {

struct MemoryUse {
  int64_t in_use = 0;    // bytes held by live tensors now
  int64_t peak = 0;      // the most that in_use has been since reset_peak
  int64_t reserved = 0;  // bytes taken from the system, free blocks included
};

class Allocator {
 public:
  virtual ~Allocator() = default;

  // A block of at least `bytes`, aligned to 64; its content is undefined. Throws Error(device) when
  // there is no memory, with the sizes wanted and in use.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* block, size_t bytes) noexcept = 0;
  virtual MemoryUse use() const = 0;
  virtual void reset_peak() = 0;
  // While on, each block handed out is filled with NaN, so that a kernel that reads or leaves
  // memory which nobody wrote shows. For tests and `amcl verify ops`.
  virtual void poison(bool on) = 0;
};

// Reuse of blocks: freed ones are kept by size class, so that a training step after the first takes
// nothing from the system. Thread-safe. Where blocks come from is a derived class's affair; its
// members are called with the lock held.
class PooledAllocator : public Allocator {
 public:
  // Size classes are powers of two and `steps` - 1 between them: at most 1 / `steps` is waste.
  // `smallest`, a power of two, is the first class and the least step.
  PooledAllocator(size_t smallest, size_t steps) : smallest_(smallest), steps_(steps) {}
  PooledAllocator(const PooledAllocator&) = delete;
  PooledAllocator& operator=(const PooledAllocator&) = delete;

  void* allocate(size_t bytes) final;
  void release(void* block, size_t bytes) noexcept final;
  MemoryUse use() const final;
  void reset_peak() final;
  void poison(bool on) final;

 protected:
  // Also in the destructor of each derived class: this one's comes too late for give_back().
  void give_back_free_blocks() noexcept;
  int64_t bytes_in_use() const { return use_.in_use; }

 private:
  // A new block of `size` bytes, or Error(device).
  virtual void* take(size_t size) = 0;
  virtual void give_back(void* block) noexcept = 0;
  // Sets all bytes to 0xff: all bits set is a NaN in f64, f32 and bf16.
  virtual void fill_with_nan(void* block, size_t size) = 0;

  size_t size_class(size_t bytes) const;

  const size_t smallest_;
  const size_t steps_;
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;  // by size class
  MemoryUse use_;
  bool poison_ = false;
};

// Host memory.
class HostAllocator final : public PooledAllocator {
 public:
  HostAllocator();
  ~HostAllocator() override;

 private:
  void* take(size_t size) override;
  void give_back(void* block) noexcept override;
  void fill_with_nan(void* block, size_t size) override;
};

}  // namespace amcl
