// Working memory of a kernel that several threads run at the same time: as many blocks as ran at
// once, each as large as its largest need so far. From the heap: a loader's threads are no part of
// the memory of a training step.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

namespace amcl {

class ScratchPool {
  struct Block {
    std::unique_ptr<float[]> floats;
    int64_t capacity = 0;
  };

 public:
  // One block, given back at the end.
  class Lease {
   public:
    explicit Lease(ScratchPool& pool) : pool_(pool) {
      const std::lock_guard lock(pool_.mutex_);
      if (pool_.idle_.empty()) pool_.idle_.emplace_back();
      block_.splice(block_.begin(), pool_.idle_, pool_.idle_.begin());
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const std::lock_guard lock(pool_.mutex_);
      pool_.idle_.splice(pool_.idle_.begin(), block_);
    }

    // At least `count` of them, with undefined content; those of the call before are void.
    float* floats(int64_t count) {
      Block& block = block_.front();
      if (block.capacity < count) {
        block = {};
        block.floats = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(count));
        block.capacity = count;
      }
      return block.floats.get();
    }

   private:
    ScratchPool& pool_;
    std::list<Block> block_;  // one: its element moves from list to list without an allocation
  };

 private:
  std::mutex mutex_;
  std::list<Block> idle_;
};

}  // namespace amcl
