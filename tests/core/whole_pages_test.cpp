#include "engine/core/whole_pages.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace amcl {
namespace {

// Wherever the block begins: the pages lie in it, and no other block reaches into the last of them.
TEST_CASE("whole pages: a block with a page to spare holds pages of its own") {
  for (const size_t bytes :
       {size_t{1}, kPageBytes - 1, kPageBytes, kPageBytes + 1, 10 * kPageBytes})
    for (const uintptr_t begin :
         {uintptr_t{kPageBytes}, uintptr_t{kPageBytes + 16}, uintptr_t{3 * kPageBytes - 1}}) {
      const size_t before = bytes_to_page(reinterpret_cast<const void*>(begin));
      CHECK((begin + before) % kPageBytes == 0);
      CHECK(whole_pages(bytes) >= bytes);
      CHECK(whole_pages(bytes) % kPageBytes == 0);
      CHECK(before + whole_pages(bytes) <= with_page_to_spare(bytes));
    }
}

}  // namespace
}  // namespace amcl
