// What NVIDIA's libraries want to know of pointers before they choose an algorithm.
#pragma once
#include <bit>
#include <cstdint>
#include <initializer_list>

namespace amcl::cuda {

// The largest power of two, up to 16, that all addresses are multiples of.
inline uint32_t common_alignment(std::initializer_list<const void*> pointers) {
  uintptr_t bits = 16;
  for (const void* pointer : pointers) bits |= reinterpret_cast<uintptr_t>(pointer);
  return uint32_t{1} << std::countr_zero(bits);
}

}  // namespace amcl::cuda
