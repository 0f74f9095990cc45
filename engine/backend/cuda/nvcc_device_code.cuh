// device_code.h by nvcc.
#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "engine/core/check.h"

#define AMCL_UNROLL _Pragma("unroll")
#define AMCL_SHARED(T, name, count) __shared__ T name[count]

namespace amcl::cuda {

template <class T>
using SharedPointer = T*;

template <int kBytes, class T>
__device__ inline T* aligned(T* pointer) {
  return pointer;  // the type that it is cast to says it to the compiler
}

__device__ inline float widen(bf16 value) {
  return __uint_as_float(static_cast<unsigned>(value.bits) << 16);
}
__device__ inline bf16 narrow(float value) {
  bf16 result;
  result.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
  return result;
}
__device__ inline uint32_t float_bits(float value) {
  return __float_as_uint(value);
}
__device__ inline uint64_t double_bits(double value) {
  return static_cast<uint64_t>(__double_as_longlong(value));
}

template <class... Parameters, class... Arguments>
void launch(const char* name, const LaunchShape& shape, StreamHandle stream,
            void (*kernel)(Parameters...), const Arguments&... arguments) {
  kernel<<<dim3(shape.grid_x, shape.grid_y, shape.grid_z), dim3(shape.block_x, shape.block_y), 0,
           static_cast<cudaStream_t>(stream)>>>(arguments...);
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess)
    fail(ErrorKind::device, "device cuda: launch of ", name, ": ", cudaGetErrorString(status));
}

}  // namespace amcl::cuda
