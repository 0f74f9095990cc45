#include "engine/backend/cuda/caching_allocator.h"

#include "engine/core/out_of_memory.h"

namespace amcl::cuda {

CachingAllocator::~CachingAllocator() {
  give_back_free_blocks();
}

void* CachingAllocator::take(size_t size) {
  void* block = source_.take(size);
  if (block == nullptr) {
    give_back_free_blocks();
    block = source_.take(size);
  }
  if (block == nullptr)
    throw OutOfMemory(concat_text("device cuda: out of memory: wanted ", size >> 20, " MiB with ",
                                  bytes_in_use() >> 20, " MiB in use and ",
                                  source_.free_bytes() >> 20, " MiB free"));
  return block;
}

}  // namespace amcl::cuda
