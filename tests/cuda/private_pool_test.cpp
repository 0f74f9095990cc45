// The memory of recorded work (PooledAllocator::PrivatePool), on the allocator of the host.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "engine/core/allocator.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kBytes = 4096;

TEST_CASE("private pool: a recording lives on the blocks that an eager step has left") {
  HostAllocator allocator;
  void* a = allocator.allocate(kBytes);
  void* b = allocator.allocate(kBytes);
  allocator.release(a, kBytes);
  allocator.release(b, kBytes);
  const int64_t reserved = allocator.use().reserved;
  const auto pool = allocator.begin_private_pool();
  const std::set<void*> free{a, b};
  void* first = allocator.allocate(kBytes);
  CHECK(free.contains(first));
  allocator.release(first, kBytes);
  CHECK(allocator.allocate(kBytes) == first);  // within the recording it serves again
  allocator.release(first, kBytes);
  allocator.end_private_pool(*pool);
  CHECK(allocator.use().reserved == reserved);

  // The block that it has not used is anybody's again, the other one nobody's.
  void* next = allocator.allocate(kBytes);
  CHECK(next == (first == a ? b : a));
  void* fresh = allocator.allocate(kBytes);
  CHECK_FALSE(free.contains(fresh));
  CHECK(allocator.use().reserved > reserved);
  allocator.release(next, kBytes);
  allocator.release(fresh, kBytes);
}

TEST_CASE("private pool: what is kept past the recording comes back to it, not to others") {
  HostAllocator allocator;
  auto pool = allocator.begin_private_pool();
  void* kept = allocator.allocate(kBytes);
  void* inner = allocator.allocate(kBytes);
  allocator.release(inner, kBytes);
  allocator.end_private_pool(*pool);
  const MemoryUse recorded = allocator.use();
  CHECK(recorded.in_use == static_cast<int64_t>(2 * kBytes));
  allocator.release(kept, kBytes);
  CHECK(allocator.use().in_use == recorded.in_use);  // a replay still writes to it
  void* other = allocator.allocate(kBytes);
  CHECK(other != kept);
  CHECK(other != inner);
  allocator.release(other, kBytes);

  pool.reset();
  CHECK(allocator.use().in_use == 0);
  const int64_t reserved = allocator.use().reserved;
  std::set<void*> all;
  for (int i = 0; i < 3; ++i) all.insert(allocator.allocate(kBytes));
  CHECK(all == std::set<void*>{kept, inner, other});
  CHECK(allocator.use().reserved == reserved);
  for (void* block : all) allocator.release(block, kBytes);
}

TEST_CASE("private pool: a tensor may outlive the recording") {
  HostAllocator allocator;
  auto pool = allocator.begin_private_pool();
  void* kept = allocator.allocate(kBytes);
  allocator.end_private_pool(*pool);
  pool.reset();
  CHECK(allocator.use().in_use == static_cast<int64_t>(kBytes));
  allocator.release(kept, kBytes);
  CHECK(allocator.use().in_use == 0);
  CHECK(allocator.allocate(kBytes) == kept);
  allocator.release(kept, kBytes);
}

TEST_CASE("private pool: other threads go on with the common pool") {
  HostAllocator allocator;
  const auto pool = allocator.begin_private_pool();
  void* of_other = nullptr;
  std::thread([&] { of_other = allocator.allocate(kBytes); }).join();
  allocator.release(of_other, kBytes);
  void* of_recording = allocator.allocate(kBytes);
  CHECK(of_recording != of_other);
  allocator.release(of_recording, kBytes);
  allocator.end_private_pool(*pool);
  CHECK(allocator.allocate(kBytes) == of_other);
  allocator.release(of_other, kBytes);
}

TEST_CASE("private pool: a recording that is dropped gives all back; two at a time are refused") {
  HostAllocator allocator;
  void* before = allocator.allocate(kBytes);
  allocator.release(before, kBytes);
  {
    const auto pool = allocator.begin_private_pool();
    CHECK_THROWS_WITH_AS(allocator.begin_private_pool(),
                         doctest::Contains("two recordings at the same time"), Error);
    void* block = allocator.allocate(kBytes);
    allocator.release(block, kBytes);
  }
  CHECK(allocator.use().in_use == 0);
  CHECK(allocator.allocate(kBytes) == before);
  allocator.release(before, kBytes);
}

}  // namespace
}  // namespace amcl
