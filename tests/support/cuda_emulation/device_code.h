// engine/backend/cuda/device_code.h on the host: the kernels compile as ordinary C++ against it and
// run in an emulated grid (grid.h).
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/support/cuda_emulation/grid.h"
#include "tests/support/cuda_emulation/stream.h"

// CUDA's own names, which is what the kernels are written in.
#define threadIdx (::amcl::emulation::here.thread_index)
#define blockIdx (::amcl::emulation::here.block_index)
#define blockDim (::amcl::emulation::here.block_extent)
#define gridDim (::amcl::emulation::here.grid_extent)
#define __global__
#define __device__
#define __launch_bounds__(...)
#define AMCL_UNROLL

inline void __syncthreads() {
  amcl::emulation::block_barrier();
}

inline void __syncwarp(unsigned mask = 0xffffffffu) {
  amcl::emulation::exchange(amcl::emulation::WarpOperation::barrier, mask, 0, 0);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return static_cast<unsigned>(amcl::emulation::exchange(amcl::emulation::WarpOperation::ballot,
                                                         mask, predicate != 0 ? 1 : 0, 0));
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = amcl::emulation::exchange(amcl::emulation::WarpOperation::shuffle, mask, bits,
                                   static_cast<unsigned>(source) % 32u);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance) {
  return __shfl_sync(mask, value, static_cast<int>(amcl::emulation::lane()) ^ distance);
}

inline int __popc(unsigned bits) {
  return std::popcount(bits);
}

#define AMCL_SHARED(T, name, count)          \
  static const char name##_site = 0;         \
  const ::amcl::cuda::SharedPointer<T> name( \
      ::amcl::emulation::shared_block(&name##_site, sizeof(T) * (count)), count)

namespace amcl::cuda {

// A pointer into shared memory that refuses places outside it.
template <class T>
class SharedPointer {
 public:
  SharedPointer(void* begin, int64_t count) : begin_(static_cast<T*>(begin)), count_(count) {}

  T& operator[](int64_t index) const {
    if (offset_ + index < 0 || offset_ + index >= count_)
      emulation::refuse("reaches outside its shared memory");
    return begin_[offset_ + index];
  }
  SharedPointer operator+(int64_t distance) const {
    SharedPointer result = *this;
    result.offset_ += distance;
    return result;
  }

 private:
  T* begin_;
  int64_t count_;
  int64_t offset_ = 0;
};

template <int kBytes, class T>
T* aligned(T* pointer) {
  if (reinterpret_cast<uintptr_t>(pointer) % kBytes != 0)
    emulation::refuse("reads or writes several elements at an address that is not aligned");
  return pointer;
}

inline float widen(bf16 value) {
  return static_cast<float>(value);
}
// A GPU has one NaN for whatever is none, and not that of the host.
inline bf16 narrow(float value) {
  return value == value ? bf16(value) : std::bit_cast<bf16>(uint16_t{0x7fff});
}
inline uint32_t float_bits(float value) {
  return std::bit_cast<uint32_t>(value);
}
inline uint64_t double_bits(double value) {
  return std::bit_cast<uint64_t>(value);
}

// `stream` is an emulation::Stream.
template <class... Parameters, class... Arguments>
void launch(const char* name, const LaunchShape& shape, StreamHandle stream,
            void (*kernel)(Parameters...), const Arguments&... arguments) {
  auto& on = *static_cast<emulation::Stream*>(stream);
  on.give([name, shape, order = on.order, kernel, arguments...] {
    emulation::run({.kernel = name,
                    .grid = {shape.grid_x, shape.grid_y, shape.grid_z},
                    .block = {shape.block_x, shape.block_y},
                    .order = order},
                   [&] { kernel(arguments...); });
  });
}

}  // namespace amcl::cuda
