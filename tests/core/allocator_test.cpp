#include "engine/core/allocator.h"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "engine/core/check.h"

namespace amcl {
namespace {

TEST_CASE("allocator: blocks are aligned and do not overlap") {
  HostAllocator allocator;
  std::vector<std::pair<char*, size_t>> blocks;
  for (const size_t bytes : {0ul, 1ul, 63ul, 64ul, 65ul, 1000ul, 100000ul}) {
    auto* block = static_cast<char*>(allocator.allocate(bytes));
    CHECK(reinterpret_cast<uintptr_t>(block) % 64 == 0);
    for (const auto& [other, size] : blocks)
      CHECK((block >= other + size || block + bytes <= other));
    blocks.emplace_back(block, bytes);
  }
  for (const auto& [block, bytes] : blocks) allocator.release(block, bytes);
  CHECK(allocator.use().in_use == 0);
}

TEST_CASE("allocator: a released block serves the next request of about its size") {
  HostAllocator allocator;
  void* first = allocator.allocate(1000);
  allocator.release(first, 1000);
  const int64_t reserved = allocator.use().reserved;
  void* second = allocator.allocate(1010);
  CHECK(second == first);
  CHECK(allocator.use().reserved == reserved);
  allocator.release(second, 1010);
}

TEST_CASE("allocator: a second step of the same shapes takes nothing from the system") {
  HostAllocator allocator;
  const auto step = [&] {
    std::vector<std::pair<void*, size_t>> blocks;
    for (size_t bytes = 1; bytes < 3000000; bytes = bytes * 3 + 7)
      blocks.emplace_back(allocator.allocate(bytes), bytes);
    for (const auto& [block, bytes] : blocks) allocator.release(block, bytes);
  };
  step();
  const int64_t reserved = allocator.use().reserved;
  step();
  CHECK(allocator.use().reserved == reserved);
}

TEST_CASE("allocator: no block wastes more than a quarter beyond 64 bytes") {
  for (const size_t bytes : {65ul, 129ul, 1025ul, 5000ul, 1000001ul}) {
    HostAllocator allocator;
    void* block = allocator.allocate(bytes);
    const auto taken = static_cast<double>(allocator.use().reserved);
    CHECK(taken >= static_cast<double>(bytes));
    CHECK(taken <= 1.25 * static_cast<double>(bytes) + 64);
    allocator.release(block, bytes);
  }
}

TEST_CASE("allocator: the peak is the most that was in use since it was reset") {
  HostAllocator allocator;
  void* a = allocator.allocate(4096);
  void* b = allocator.allocate(8192);
  allocator.release(b, 8192);
  CHECK(allocator.use().in_use == 4096);
  CHECK(allocator.use().peak == 4096 + 8192);
  allocator.reset_peak();
  CHECK(allocator.use().peak == 4096);
  b = allocator.allocate(64);
  CHECK(allocator.use().peak == 4096 + 64);
  allocator.release(a, 4096);
  allocator.release(b, 64);
  CHECK(allocator.use().peak == 4096 + 64);
}

TEST_CASE("allocator: a poisoned block holds NaN, also where it is reused") {
  HostAllocator allocator;
  auto* block = static_cast<float*>(allocator.allocate(64));
  std::fill_n(block, 16, 1.0f);
  allocator.release(block, 64);
  allocator.poison(true);
  block = static_cast<float*>(allocator.allocate(64));
  for (int i = 0; i < 16; ++i) CHECK(std::isnan(block[i]));
  allocator.release(block, 64);
}

TEST_CASE("allocator: refuses what the machine does not have, and goes on") {
  HostAllocator allocator;
  CHECK_THROWS_WITH_AS(allocator.allocate(size_t{1} << 60),
                       doctest::Contains("out of memory: wanted 1099511627776 MiB"), Error);
  CHECK(allocator.use().in_use == 0);
  void* block = allocator.allocate(64);
  allocator.release(block, 64);
}

TEST_CASE("allocator: threads may allocate at once") {
  HostAllocator allocator;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&allocator, t] {
      for (size_t i = 0; i < 500; ++i) {
        const size_t bytes = 64 * (1 + (i * 7 + t) % 9);
        auto* block = static_cast<unsigned char*>(allocator.allocate(bytes));
        std::fill_n(block, bytes, static_cast<unsigned char>(t));
        allocator.release(block, bytes);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(allocator.use().in_use == 0);
}

}  // namespace
}  // namespace amcl
