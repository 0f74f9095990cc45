// A tensor seen as x [groups, rows, columns], whose columns have something of their own: a scale, a
// statistic, a sum. A thread owns V neighbouring columns of one group and walks down rows, so that
// what belongs to a column is read once and kept in registers, and no index is divided.
//
//   block   (x: columns in packs, y: rows)    blockIdx.x: group and chunk of its rows, .y: columns
//
// Bytes: x once. FLOPs: a few per element; memory is the floor.
//
// Sums: a thread adds its rows (few, see the launch), the threads of a column are added in a tree
// in shared memory, each block leaves one partial sum per column, and a second kernel adds those in
// f64. The chunks depend on the extents alone, so the bits do not depend on the device.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"

namespace amcl::cuda {

struct ColumnExtents {
  int64_t groups;
  int64_t rows;
  int64_t columns;  // a multiple of V
  int64_t chunks;   // of the rows of a group
  int64_t chunk_rows;
};

// Where a thread is in it.
template <int V>
struct ColumnPlace {
  int64_t group;
  int64_t chunk;
  int64_t column;
  int64_t first_row;
  int64_t end_row;

  __device__ explicit ColumnPlace(const ColumnExtents& extents)
      : group(blockIdx.x / extents.chunks),
        chunk(blockIdx.x % extents.chunks),
        column((static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * V),
        first_row(chunk * extents.chunk_rows + threadIdx.y),
        end_row((chunk + 1) * extents.chunk_rows < extents.rows ? (chunk + 1) * extents.chunk_rows
                                                                : extents.rows) {}
  // Of element (row, column) in x.
  __device__ int64_t offset(const ColumnExtents& extents, int64_t row) const {
    return (group * extents.rows + row) * extents.columns + column;
  }
};

// body.at<V>(group, column) prepares V columns; the result is called with the offset of the first
// of them in each row.
template <int V, class Body>
__global__ void __launch_bounds__(kBlockThreads)
    column_map_kernel(ColumnExtents extents, Body body) {
  const ColumnPlace<V> place(extents);
  if (place.column >= extents.columns) return;
  const auto columns = body.template at<V>(place.group, place.column);
  for (int64_t row = place.first_row; row < place.end_row; row += blockDim.y)
    columns(place.offset(extents, row));
}

// Adds body's kSums sums of each column over the rows of a chunk:
// partial [groups, chunks, kSums, columns]. The result of body.at is called with the offset and the
// sums [kSums][V] to add to.
template <int V, class Body>
__global__ void __launch_bounds__(kBlockThreads)
    column_sums_kernel(ColumnExtents extents, Body body, typename Body::Sum* partial) {
  using Sum = typename Body::Sum;
  constexpr int kSums = Body::kSums;
  AMCL_SHARED(Sum, shared, kSums * V * kBlockThreads);
  const ColumnPlace<V> place(extents);
  const auto width = static_cast<int>(blockDim.x);
  const auto y = static_cast<int>(threadIdx.y);
  const int thread = y * width + static_cast<int>(threadIdx.x);
  const bool inside = place.column < extents.columns;
  Sum sums[kSums][V] = {};
  if (inside) {
    const auto columns = body.template at<V>(place.group, place.column);
    for (int64_t row = place.first_row; row < place.end_row; row += blockDim.y)
      columns(place.offset(extents, row), sums);
  }
  for (int k = 0; k < kSums; ++k)
    for (int v = 0; v < V; ++v) shared[(k * V + v) * kBlockThreads + thread] = sums[k][v];
  for (int half = static_cast<int>(blockDim.y) / 2; half > 0; half /= 2) {
    __syncthreads();
    if (y >= half) continue;
    for (int slot = 0; slot < kSums * V; ++slot)
      shared[slot * kBlockThreads + thread] += shared[slot * kBlockThreads + thread + half * width];
  }
  if (y != 0 || !inside) return;
  for (int k = 0; k < kSums; ++k)
    for (int v = 0; v < V; ++v)
      partial[(blockIdx.x * int64_t{kSums} + k) * extents.columns + place.column + v] =
          shared[(k * V + v) * kBlockThreads + thread];
}

inline constexpr int kTotalColumns = 32;
inline constexpr int kTotalRows = 32;

template <class Out, int kSums>
struct ColumnOutputs {
  Out* sums[kSums];  // each [groups, columns]
};

// The sum over the rows of a block of kTotalColumns x kTotalRows threads; every thread gets that of
// its column.
__device__ inline double column_total(double value, const SharedPointer<double>& shared) {
  const auto x = static_cast<int>(threadIdx.x);
  const auto y = static_cast<int>(threadIdx.y);
  shared[y * kTotalColumns + x] = value;
  for (int half = kTotalRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (y < half) shared[y * kTotalColumns + x] += shared[(y + half) * kTotalColumns + x];
  }
  __syncthreads();
  const double total = shared[x];
  __syncthreads();  // before the next call writes
  return total;
}

// outputs.sums[k][group, column] = sum over the chunks of partial / divisor, in f64.
// A block is kTotalColumns columns of one group; blockIdx.x: group, .y: columns.
template <int kSums, class Sum, class Out>
__global__ void __launch_bounds__(kTotalColumns* kTotalRows)
    column_totals_kernel(ColumnExtents extents, const Sum* partial, double divisor,
                         ColumnOutputs<Out, kSums> outputs) {
  AMCL_SHARED(double, shared, kTotalColumns* kTotalRows);
  const int64_t column = static_cast<int64_t>(blockIdx.y) * kTotalColumns + threadIdx.x;
  const int64_t group = blockIdx.x;
  const bool inside = column < extents.columns;
  for (int k = 0; k < kSums; ++k) {
    double sum = 0.0;
    for (int64_t chunk = threadIdx.y; inside && chunk < extents.chunks; chunk += kTotalRows)
      sum += static_cast<double>(
          partial[((group * extents.chunks + chunk) * kSums + k) * extents.columns + column]);
    const double total = column_total(sum, shared);
    if (threadIdx.y == 0 && inside)
      outputs.sums[k][group * extents.columns + column] = narrow_to<Out>(total / divisor);
  }
}

// ---- bodies
// ---------------------------------------------------------------------------------------

// The sum of x itself.
template <class T>
struct ColumnSum {
  using Sum = Wide<T>;
  static constexpr int kSums = 1;
  const T* x;

  template <int V>
  struct Columns {
    const T* x;
    __device__ void operator()(int64_t offset, Sum (&sums)[kSums][V]) const {
      const auto pack = load_pack<V>(x + offset);
      for (int v = 0; v < V; ++v) sums[0][v] += widen(pack.values[v]);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t, int64_t) const {
    return {x};
  }
};

// y = function(x, b) with b [groups, columns], or [columns] for all groups.
template <class T, class Function>
struct ColumnBinary {
  Function function;
  const T* x;
  const T* b;
  int64_t columns;  // of b
  T* y;

  template <int V>
  struct Columns {
    Function function;
    const T* x;
    T* y;
    Pack<T, V> b;
    __device__ void operator()(int64_t offset) const {
      auto pack = load_pack<V>(x + offset);
      for (int v = 0; v < V; ++v)
        pack.values[v] = narrow_to<T>(function(widen(pack.values[v]), widen(b.values[v])));
      store_pack<V>(y + offset, pack);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t column) const {
    return {function, x, y, load_pack<V>(b + group * columns + column)};
  }
};

// y[group, row, column] = scale x[group, column].
template <class T>
struct ColumnBroadcast {
  const T* x;
  Wide<T> scale;
  int64_t columns;
  T* y;

  template <int V>
  struct Columns {
    T* y;
    Pack<T, V> value;
    __device__ void operator()(int64_t offset) const { store_pack<V>(y + offset, value); }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t column) const {
    auto value = load_pack<V>(x + group * columns + column);
    for (int v = 0; v < V; ++v) value.values[v] = narrow_to<T>(scale * widen(value.values[v]));
    return {y, value};
  }
};

}  // namespace amcl::cuda
