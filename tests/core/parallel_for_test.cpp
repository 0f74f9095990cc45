#include "engine/core/parallel_for.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "tests/support/compute_threads.h"

namespace amcl {
namespace {

std::vector<std::pair<int64_t, int64_t>> ranges(int64_t count, int64_t grain) {
  std::mutex mutex;
  std::vector<std::pair<int64_t, int64_t>> result;
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    result.emplace_back(begin, end);
  });
  std::sort(result.begin(), result.end());
  return result;
}

TEST_CASE("parallel_for: ranges cover every item once, one range per thread at most") {
  for (const int threads : {1, 2, 3, 8})
    for (const int64_t count : {1, 2, 7, 8, 9, 1000})
      for (const int64_t grain : {1, 3, 100}) {
        const test::ComputeThreads scope(threads);
        INFO(threads, " threads, ", count, " items, grain ", grain);
        const auto covered = ranges(count, grain);
        CHECK(static_cast<int>(covered.size()) <= threads);
        int64_t next = 0;
        for (const auto& [begin, end] : covered) {
          CHECK(begin == next);
          CHECK(end > begin);
          CHECK((end - begin >= grain || covered.size() == 1));
          next = end;
        }
        CHECK(next == count);
      }
}

TEST_CASE("parallel_for: ranges are the same every time") {
  const test::ComputeThreads scope(4);
  const auto first = ranges(1001, 5);
  for (int repeat = 0; repeat < 20; ++repeat) CHECK(ranges(1001, 5) == first);
}

TEST_CASE("parallel_for: no items, no call") {
  parallel_for(0, 1, [](int64_t, int64_t) { FAIL("called"); });
}

TEST_CASE("parallel_for: an exception of a body reaches the caller, and the pool goes on") {
  const test::ComputeThreads scope(4);
  CHECK_THROWS_WITH(parallel_for(100, 1,
                                 [](int64_t, int64_t end) {
                                   if (end == 100) throw std::runtime_error("the last range");
                                 }),
                    "the last range");
  CHECK(ranges(100, 1).size() == 4);
}

TEST_CASE("parallel_for: a call inside a body runs on the caller's thread, whole") {
  const test::ComputeThreads scope(4);
  std::vector<int64_t> sums(4, 0);
  parallel_for(4, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int calls = 0;
      parallel_for(1000, 1, [&](int64_t inner_begin, int64_t inner_end) {
        ++calls;
        for (int64_t j = inner_begin; j < inner_end; ++j) sums[static_cast<size_t>(i)] += j;
      });
      if (calls != 1) sums[static_cast<size_t>(i)] = -1;
    }
  });
  CHECK(sums == std::vector<int64_t>(4, 499500));
}

TEST_CASE("threads: fewer than one are refused") {
  CHECK_THROWS_WITH_AS(set_compute_threads(0), "threads: must be at least 1, got 0", Error);
}

}  // namespace
}  // namespace amcl
