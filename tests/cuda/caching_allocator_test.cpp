#include "engine/backend/cuda/caching_allocator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "engine/core/check.h"

namespace amcl::cuda {
namespace {

// A device with room for `capacity` bytes, whose blocks are numbers.
class FakeDevice final : public BlockSource {
 public:
  explicit FakeDevice(size_t capacity) : capacity_(capacity) {}

  void* take(size_t bytes) override {
    ++taken;
    if (bytes > free_bytes()) return nullptr;
    next_ += 1 << 20;
    void* block = reinterpret_cast<void*>(next_);
    sizes_[block] = bytes;
    used_ += bytes;
    return block;
  }
  void give_back(void* block) noexcept override {
    used_ -= sizes_[block];
    sizes_.erase(block);
  }
  size_t free_bytes() override { return capacity_ - used_; }
  void fill_with_nan(void* block, size_t bytes) override { poisoned = sizes_[block] == bytes; }

  size_t blocks() const { return sizes_.size(); }
  int taken = 0;
  bool poisoned = false;

 private:
  size_t capacity_;
  size_t used_ = 0;
  uintptr_t next_ = 0;
  std::map<void*, size_t> sizes_;
};

constexpr size_t kMiB = size_t{1} << 20;

TEST_CASE("device memory: a released block serves the next request of its class") {
  FakeDevice device(64 * kMiB);
  CachingAllocator allocator(device);
  void* first = allocator.allocate(kMiB - 100);
  allocator.release(first, kMiB - 100);
  CHECK(allocator.allocate(kMiB) == first);
  CHECK(device.taken == 1);
  CHECK(allocator.allocate(kMiB) != first);
  CHECK(device.taken == 2);
  CHECK(allocator.use().in_use == int64_t{2} << 20);
}

TEST_CASE("device memory: classes waste an eighth at most and hold what was asked") {
  for (size_t bytes = 1; bytes < 3 * kMiB; bytes += 1 + bytes / 7) {
    FakeDevice device(64 * kMiB);
    CachingAllocator allocator(device);
    void* block = allocator.allocate(bytes);
    const auto reserved = static_cast<size_t>(allocator.use().reserved);
    CHECK(reserved >= bytes);
    CHECK((reserved == 512 || reserved <= bytes + std::max<size_t>(bytes / 8, 512)));
    allocator.release(block, bytes);
    CHECK(allocator.use().in_use == 0);
  }
}

TEST_CASE("device memory: free blocks of other sizes make room before it gives up") {
  FakeDevice device(8 * kMiB);
  CachingAllocator allocator(device);
  void* small = allocator.allocate(3 * kMiB);
  void* other = allocator.allocate(2 * kMiB);
  allocator.release(small, 3 * kMiB);
  void* large = allocator.allocate(6 * kMiB);
  CHECK(device.blocks() == 2);
  CHECK(allocator.use().reserved == int64_t{8} << 20);
  CHECK(allocator.use().peak == int64_t{8} << 20);
  allocator.release(large, 6 * kMiB);
  allocator.release(other, 2 * kMiB);
  allocator.reset_peak();
  CHECK(allocator.use().peak == 0);
}

TEST_CASE("device memory: running out says what was wanted, in use and free") {
  FakeDevice device(8 * kMiB);
  CachingAllocator allocator(device);
  void* block = allocator.allocate(5 * kMiB);
  std::string message;
  try {
    allocator.allocate(4 * kMiB);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::device);
    message = error.what();
  }
  CHECK(message ==
        "device cuda: out of memory: wanted 4 MiB with 5 MiB in use and 3 MiB free; a smaller "
        "--batch or --width needs less");
  allocator.release(block, 5 * kMiB);
  CHECK_NOTHROW(allocator.allocate(4 * kMiB));
}

TEST_CASE("device memory: poisoned blocks are filled, and all go back in the end") {
  FakeDevice device(8 * kMiB);
  {
    CachingAllocator allocator(device);
    allocator.poison(true);
    void* block = allocator.allocate(1000);
    CHECK(device.poisoned);
    allocator.release(block, 1000);
    CHECK(device.blocks() == 1);
  }
  CHECK(device.blocks() == 0);
}

}  // namespace
}  // namespace amcl::cuda
