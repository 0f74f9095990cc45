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

// Host memory with reuse: freed blocks are kept by size class, so that a training step after the
// first takes nothing from the system. Thread-safe.
class HostAllocator final : public Allocator {
 public:
  HostAllocator() = default;
  HostAllocator(const HostAllocator&) = delete;
  HostAllocator& operator=(const HostAllocator&) = delete;
  ~HostAllocator() override;

  void* allocate(size_t bytes) override;
  void release(void* block, size_t bytes) noexcept override;
  MemoryUse use() const override;
  void reset_peak() override;
  void poison(bool on) override;

 private:
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;  // by size class
  MemoryUse use_;
  bool poison_ = false;
};

}  // namespace amcl
