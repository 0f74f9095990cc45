// The launch of rows_kernel: a warp or a block per row, by the extents.
#pragma once
#include "engine/backend/cuda/kernels/rows.cuh"

namespace amcl::cuda {

template <class Body>
void launch_rows(const char* name, StreamHandle stream, int64_t rows, int64_t n, const Body& body) {
  if (rows == 0) return;
  // A warp takes a row until rows are so few that warps would leave most of the GPU idle.
  const bool by_block = n > 1024 && rows < 1024;
  const int64_t rows_per_block = by_block ? 1 : kBlockThreads / kWarpThreads;
  const LaunchShape shape{
      .grid_x = static_cast<unsigned>((rows + rows_per_block - 1) / rows_per_block),
      .block_x = kBlockThreads};
  if (by_block)
    launch(name, shape, stream, &rows_kernel<kBlockThreads, Body>, rows, body);
  else
    launch(name, shape, stream, &rows_kernel<kWarpThreads, Body>, rows, body);
}

}  // namespace amcl::cuda
