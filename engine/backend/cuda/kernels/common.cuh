// What kernels share: packs of elements, the number type of arithmetic, and sums of a team of
// threads.
#pragma once
#include <cstdint>

#include "engine/backend/cuda/device_code.h"

namespace amcl::cuda {

inline constexpr int kBlockThreads = 256;

// Arithmetic on elements of T: f64 in f64, all else in f32.
template <class T>
struct WideOf {
  using Type = float;
};
template <>
struct WideOf<double> {
  using Type = double;
};
template <class T>
using Wide = typename WideOf<T>::Type;

__device__ inline float widen(float value) {
  return value;
}
__device__ inline double widen(double value) {
  return value;
}
template <class T, class Value>
__device__ T narrow_to(Value value) {
  if constexpr (sizeof(T) == 2)
    return narrow(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

// V neighbours that move in one access, of 16 bytes where the pointers allow it.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T values[V];
};
template <int V, class T>
__device__ Pack<T, V> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, V>*>(aligned<static_cast<int>(sizeof(T)) * V>(from));
}
template <int V, class T>
__device__ void store_pack(T* to, const Pack<T, V>& pack) {
  *reinterpret_cast<Pack<T, V>*>(aligned<static_cast<int>(sizeof(T)) * V>(to)) = pack;
}

__device__ inline int64_t grid_thread() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t grid_threads() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Greater {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

// `value` of all threads of the team (a warp, or the whole block, which has kTeam threads then)
// combined in an order that does not vary; every thread gets it.
template <int kTeam, class T, class Combine>
__device__ T team_reduce(T value, Combine combine) {
  for (int distance = kWarpThreads / 2; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, distance));
  if constexpr (kTeam > kWarpThreads) {
    constexpr int kWarps = kTeam / kWarpThreads;
    AMCL_SHARED(T, of_warp, kWarps);
    const auto thread = static_cast<int>(threadIdx.x);
    if (thread % kWarpThreads == 0) of_warp[thread / kWarpThreads] = value;
    __syncthreads();
    value = of_warp[0];
    for (int warp = 1; warp < kWarps; ++warp) value = combine(value, of_warp[warp]);
    __syncthreads();  // before the next call writes of_warp again
  }
  return value;
}
template <int kTeam, class T>
__device__ T team_sum(T value) {
  return team_reduce<kTeam>(value, Add{});
}

}  // namespace amcl::cuda
