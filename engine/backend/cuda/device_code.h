// What the kernels and their launches are written with: CUDA's names, and the few things for which
// CUDA's spelling cannot be kept. The build says where they come from: nvcc (nvcc_device_code.cuh),
// or the emulation of a GPU on the host, with which every kernel is tested on machines without one
// (tests/support/cuda_emulation/device_code.h). Both define
//
//   threadIdx, blockIdx, blockDim, gridDim, __global__, __device__, __launch_bounds__
//   __syncthreads, __syncwarp, __ballot_sync, __shfl_sync, __shfl_xor_sync, __popc
//   AMCL_UNROLL                     before a loop: unroll it
//   AMCL_SHARED(T, name, count)     static shared memory, name[i]
//   SharedPointer<T>                what `name` is
//   aligned<Bytes>(pointer)         the pointer; the emulation refuses one that is not aligned
//   widen(bf16), narrow(float)      the conversions of core/dtype.h
//   float_bits, double_bits         the bits of a number as an unsigned one
//   launch(name, shape, stream, kernel, arguments...)   throws Error(device) if it is refused
//
// Only integers may be added atomically, and none are today: sums have a fixed order.
#pragma once
#include <cstdint>

#include "engine/core/dtype.h"

namespace amcl::cuda {

// Extents of a launch: blocks, and threads of a block.
struct LaunchShape {
  unsigned grid_x = 1;
  unsigned grid_y = 1;
  unsigned grid_z = 1;
  unsigned block_x = 1;
  unsigned block_y = 1;
};

// The queue of work that a launch goes to: a cudaStream_t.
using StreamHandle = void*;

inline constexpr unsigned kWholeWarp = 0xffffffffu;
inline constexpr int kWarpThreads = 32;

}  // namespace amcl::cuda

#include AMCL_CUDA_DEVICE_CODE
