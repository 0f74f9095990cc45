#include "data/views/work_ahead.h"

#include <doctest/doctest.h>

#include <atomic>
#include <new>

namespace amcl {
namespace {

struct Item {
  int64_t parts() const { return 4; }
};

TEST_CASE("work ahead: a worker that finds no memory for its own is an error of take") {
  using Work = WorkAhead<Item>;
  std::atomic<int> made = 0;
  const auto new_make = [&]() -> Work::Make {
    if (made++ > 0) throw std::bad_alloc();  // after that of the calling thread
    return [](Item&, int64_t, int64_t) {};
  };
  Work work(
      {.workers = 2}, [](int64_t) { return std::make_shared<Item>(); }, new_make);
  CHECK_THROWS_AS(work.take(), std::bad_alloc);
}

}  // namespace
}  // namespace amcl
