#include "engine/backend/cuda/caching_allocator.h"

#include "engine/core/check.h"

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
    fail(ErrorKind::device, "device cuda: out of memory: wanted ", size >> 20, " MiB with ",
         bytes_in_use() >> 20, " MiB in use and ", source_.free_bytes() >> 20,
         " MiB free; a smaller --batch or --width needs less");
  return block;
}

}  // namespace amcl::cuda
