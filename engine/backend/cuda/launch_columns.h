// The launches of the column kernels: how x [groups, rows, columns] is cut into blocks. Everything
// depends on the extents alone.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "engine/backend/cuda/kernels/columns.cuh"
#include "engine/core/tensor.h"

namespace amcl::cuda {

// How the extents are cut for packs of V columns.
struct ColumnCut {
  ColumnExtents extents;
  LaunchShape shape;

  // At most `max_blocks` blocks, of which each thread takes at least kLeastRows rows.
  ColumnCut(int64_t groups, int64_t rows, int64_t columns, int pack, int64_t max_blocks)
      : extents{groups, rows, columns, 1, rows} {
    constexpr int64_t kLeastRows = 4;
    const int64_t packs = columns / pack;
    shape.block_x =
        static_cast<unsigned>(std::min<uint64_t>(std::bit_ceil(static_cast<uint64_t>(packs)), 32));
    shape.block_y = kBlockThreads / shape.block_x;
    const int64_t tiles = (packs + shape.block_x - 1) / shape.block_x;
    const int64_t most = std::max<int64_t>(1, max_blocks / (groups * tiles));
    const int64_t wanted = std::max<int64_t>(1, rows / (kLeastRows * shape.block_y));
    extents.chunk_rows = (rows + std::min(most, wanted) - 1) / std::min(most, wanted);
    extents.chunks = (rows + extents.chunk_rows - 1) / extents.chunk_rows;
    shape.grid_x = static_cast<unsigned>(groups * extents.chunks);
    shape.grid_y = static_cast<unsigned>(tiles);
  }
};

inline constexpr int64_t kColumnMapBlocks = 4096;
// Fewer, because a second kernel reads what each block leaves.
inline constexpr int64_t kColumnSumBlocks = 1024;

// Calls launch_packs.operator()<V>() with the most columns per access that extents and pointers
// allow.
template <class T, class Launch>
void with_column_packs(int64_t columns, bool aligned, Launch&& launch_packs) {
  constexpr int kPack = static_cast<int>(16 / sizeof(T));
  if (aligned && columns % kPack == 0)
    launch_packs.template operator()<kPack>();
  else
    launch_packs.template operator()<1>();
}

template <class T, class Body>
void launch_column_map(const char* name, StreamHandle stream, int64_t groups, int64_t rows,
                       int64_t columns, bool aligned, const Body& body) {
  if (groups * rows * columns == 0) return;
  with_column_packs<T>(columns, aligned, [&]<int V>() {
    const ColumnCut cut(groups, rows, columns, V, kColumnMapBlocks);
    launch(name, cut.shape, stream, &column_map_kernel<V, Body>, cut.extents, body);
  });
}

inline LaunchShape column_totals_shape(const ColumnExtents& extents) {
  return {.grid_x = static_cast<unsigned>(extents.groups),
          .grid_y = static_cast<unsigned>((extents.columns + kTotalColumns - 1) / kTotalColumns),
          .block_x = kTotalColumns,
          .block_y = kTotalRows};
}

// outputs.sums[k] [groups, columns] = the k-th sum of body over the rows / divisor. `scratch` gives
// the partial sums memory for as long as the kernels run.
template <class T, class Body, class Out>
void launch_column_sums(const char* name, StreamHandle stream, Device& scratch, int64_t groups,
                        int64_t rows, int64_t columns, bool aligned, const Body& body,
                        double divisor, const ColumnOutputs<Out, Body::kSums>& outputs) {
  using Sum = typename Body::Sum;
  with_column_packs<T>(columns, aligned, [&]<int V>() {
    const ColumnCut cut(groups, rows, columns, V, kColumnSumBlocks);
    Tensor partial = Tensor::empty(
        scratch, {groups, cut.extents.chunks, int64_t{Body::kSums}, columns}, kDTypeOf<Sum>);
    launch(name, cut.shape, stream, &column_sums_kernel<V, Body>, cut.extents, body,
           partial.data<Sum>());
    launch(name, column_totals_shape(cut.extents), stream,
           &column_totals_kernel<Body::kSums, Sum, Out>, cut.extents, partial.data<Sum>(), divisor,
           outputs);
  });
}

}  // namespace amcl::cuda
