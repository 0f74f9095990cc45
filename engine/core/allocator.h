// Memory of one device. Tensors hold blocks from an Allocator and give them back when the last
// handle dies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace amcl {

struct MemoryUse {
  int64_t in_use = 0;    // bytes held by live tensors and by recordings (PooledAllocator) now
  int64_t peak = 0;      // the most that in_use has been since reset_peak
  int64_t reserved = 0;  // bytes taken from the system, free blocks included
};

class Allocator {
 public:
  virtual ~Allocator() = default;

  // A block of at least `bytes`, aligned to 64; its content is undefined. Throws OutOfMemory, with
  // the sizes wanted, in use and free.
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
//
// A recording of device work (Device::capture) names addresses, which must be nobody else's for as long
// as it can be replayed. While a thread records, its blocks therefore come from a private pool, which
// serves it like the common one: a block that is released may be handed out again within the
// recording, because a replay does the work in the same order. The pool starts with the free blocks of
// the common pool, so that after an eager step a recording takes nothing from the system; what it
// has not used goes back at its end. Blocks of a private pool never leave it before it is dissolved,
// even those that a tensor has kept and releases later.
class PooledAllocator : public Allocator {
 private:
  using FreeBlocks = std::map<size_t, std::vector<void*>>;  // by size class

 public:
  // The blocks that belong to one recording.
  class PrivatePool {
   public:
    PrivatePool(const PrivatePool&) = delete;
    PrivatePool& operator=(const PrivatePool&) = delete;
    // Dissolves it: its blocks are ordinary ones from here on.
    ~PrivatePool() { allocator_.dissolve(*this); }

   private:
    friend class PooledAllocator;
    explicit PrivatePool(PooledAllocator& allocator) : allocator_(allocator) {}

    PooledAllocator& allocator_;
    std::thread::id thread_ = std::this_thread::get_id();
    FreeBlocks free_;
    int64_t held_ = 0;  // bytes in free_ that count as in use
  };

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

  // Between the two calls what this thread allocates comes from the pool that begin gives. One at a
  // time; the pool must not outlive the allocator.
  std::unique_ptr<PrivatePool> begin_private_pool();
  void end_private_pool(PrivatePool& pool);

 protected:
  // Also in the destructor of each derived class: this one's comes too late for give_back().
  void give_back_free_blocks() noexcept;
  int64_t bytes_in_use() const { return use_.in_use; }

 private:
  // A new block of `size` bytes, or OutOfMemory.
  virtual void* take(size_t size) = 0;
  virtual void give_back(void* block) noexcept = 0;
  // Sets all bytes to 0xff: all bits set is a NaN in f64, f32 and bf16.
  virtual void fill_with_nan(void* block, size_t size) = 0;

  size_t size_class(size_t bytes) const;
  void dissolve(PrivatePool& pool) noexcept;

  const size_t smallest_;
  const size_t steps_;
  mutable std::mutex mutex_;
  FreeBlocks free_;
  PrivatePool* open_ = nullptr;                     // of the thread that records
  std::unordered_map<void*, PrivatePool*> owners_;  // of blocks of private pools
  MemoryUse use_;
  bool poison_ = false;
};

// Host memory. Where it runs out, free blocks are given back before it is asked again.
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
