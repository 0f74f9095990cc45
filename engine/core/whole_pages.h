// Host memory that can be pinned (Device::pin): pages are fixed as a whole and by one owner, so that no
// two blocks may meet in one. A block with a page to spare holds whole pages that are its own.
#pragma once
#include <cstddef>
#include <cstdint>

namespace amcl {

inline constexpr size_t kPageBytes = 4096;

// `bytes` rounded up to whole pages.
inline size_t whole_pages(size_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// Bytes to take for `bytes` in pages of their own,
inline size_t with_page_to_spare(size_t bytes) {
  return whole_pages(bytes) + kPageBytes;
}
// and from the begin of such a block to the first of these pages.
inline size_t bytes_to_page(const void* block) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  return whole_pages(address) - address;
}

}  // namespace amcl
