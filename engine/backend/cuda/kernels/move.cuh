// Elements that move without arithmetic (scatter_add_rows alone adds). Bytes: what moves, read and
// written once; memory is the floor.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/step_gate.h"

namespace amcl::cuda {

inline constexpr int kTile = 32;
inline constexpr int kTileRows = 8;  // of threads; each takes four rows of the tile

// y[batch] = x[batch] transposed, by tiles in shared memory, so that both sides move whole lines. A
// row of the tile is one longer, so that its columns lie in different banks. blockIdx.z strides
// over the batch.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows)
    transpose_kernel(int64_t batches, int64_t rows, int64_t columns, const T* x, T* y) {
  AMCL_SHARED(T, tile, kTile * (kTile + 1));
  const auto tx = static_cast<int>(threadIdx.x);
  const auto ty = static_cast<int>(threadIdx.y);
  const int64_t top = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t left = static_cast<int64_t>(blockIdx.y) * kTile;
  for (int64_t batch = blockIdx.z; batch < batches; batch += gridDim.z) {
    const int64_t base = batch * rows * columns;
    for (int k = ty; k < kTile; k += kTileRows)
      if (top + k < rows && left + tx < columns)
        tile[k * (kTile + 1) + tx] = x[base + (top + k) * columns + left + tx];
    __syncthreads();
    for (int k = ty; k < kTile; k += kTileRows)
      if (left + k < columns && top + tx < rows)
        y[base + (left + k) * rows + top + tx] = tile[tx * (kTile + 1) + k];
    __syncthreads();  // before the next batch overwrites the tile
  }
}

// Where a run of elements comes from and goes to, in runs of `width` units.
struct Roll {
  int64_t rows;  // of a batch
  int64_t shift;
  int64_t width;
  __device__ int64_t source(int64_t run) const { return run * width; }
  __device__ int64_t destination(int64_t run) const {
    const int64_t target = ((run % rows + shift) % rows + rows) % rows;
    return (run - run % rows + target) * width;
  }
};

struct Gather {
  const int32_t* index;
  int64_t width;
  __device__ int64_t source(int64_t run) const { return index[run] * width; }
  __device__ int64_t destination(int64_t run) const { return run * width; }
};

struct Pitched {
  int64_t source_offset;
  int64_t source_pitch;
  int64_t destination_offset;
  int64_t destination_pitch;
  __device__ int64_t source(int64_t run) const { return source_offset + run * source_pitch; }
  __device__ int64_t destination(int64_t run) const {
    return destination_offset + run * destination_pitch;
  }
};

// A number in device memory that says whether a step may change anything; null: it may.
template <class T>
struct Gate {
  const T* nullable_scale;
  __device__ bool open() const { return nullable_scale == nullptr || may_update(*nullable_scale); }
};

// The last `kept` of `count` rows of each batch into a ring of `capacity` rows.
template <class T>
struct Ring {
  Gate<T> gate;
  const int32_t* head;
  int64_t count;
  int64_t kept;
  int64_t capacity;
  int64_t width;
  __device__ int64_t row(int64_t run) const { return count - kept + run % kept; }
  __device__ int64_t source(int64_t run) const { return (run / kept * count + row(run)) * width; }
  __device__ int64_t destination(int64_t run) const {
    return (run / kept * capacity + (*head + row(run)) % capacity) * width;
  }
};

// Unit: 16, 4, 2 or 1 bytes, whatever the elements are. Threads take neighbouring units of a run.
// Places that have a gate and find it closed copy nothing.
template <class Unit, class Places>
__global__ void __launch_bounds__(kBlockThreads)
    copy_runs_kernel(int64_t runs, int64_t width, Places places, const Unit* from, Unit* to) {
  if constexpr (requires { places.gate; }) {
    if (!places.gate.open()) return;
  }
  for (int64_t i = grid_thread(); i < runs * width; i += grid_threads()) {
    const int64_t run = i / width;
    const int64_t unit = i % width;
    to[places.destination(run) + unit] = from[places.source(run) + unit];
  }
}

// After the copies: the host does not wait, the next launch finds the new head.
template <class T>
__global__ void advance_head_kernel(Gate<T> gate, int32_t* head, int64_t count, int64_t capacity) {
  if (gate.open()) *head = static_cast<int32_t>((*head + count) % capacity);
}

static __global__ void __launch_bounds__(kBlockThreads)
    rolled_index_kernel(int64_t count, int64_t shift, int32_t* index) {
  const int64_t i = grid_thread();
  if (i < count) index[i] = static_cast<int32_t>((i + shift) % count);
}

// dx[r] = the sum of dy[i] over index[i] = r, in the order of i: each row looks through the index,
// which stays in the cache, and nothing is added atomically. FLOPs: rows * index comparisons per
// column. blockIdx.x: row, .y: kBlockThreads columns.
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    scatter_add_kernel(int64_t count, int64_t width, const T* dy, const int32_t* index, T* dx) {
  const int64_t row = blockIdx.x;
  const int64_t column = static_cast<int64_t>(blockIdx.y) * kBlockThreads + threadIdx.x;
  if (column >= width) return;
  Wide<T> sum = 0;
  for (int64_t i = 0; i < count; ++i)
    if (index[i] == row) sum += widen(dy[i * width + column]);
  dx[row * width + column] = narrow_to<T>(sum);
}

}  // namespace amcl::cuda
