// Moves of the seam (kernels/move.cuh).
#include "engine/backend/cuda/kernels/move.cuh"

#include <algorithm>
#include <numeric>

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

struct alignas(16) Bytes16 {
  uint64_t halves[2];
};

// The extents of a copy of runs, in elements.
struct Runs {
  int64_t count;
  int64_t width;
  // What every offset is a multiple of besides the width: pitches, the origin.
  int64_t step = 0;
};

// Copies runs with the largest unit that pointers, widths and offsets are multiples of;
// places(elements_per_unit) gives the places in units.
template <class MakePlaces>
void launch_copy(const char* name, StreamHandle stream, const Runs& runs, const Tensor& from,
                 Tensor& to, MakePlaces&& places) {
  if (runs.count * runs.width == 0) return;
  const auto size = static_cast<int64_t>(size_of(from.dtype()));
  const auto addresses = static_cast<int64_t>(reinterpret_cast<uintptr_t>(from.raw()) |
                                              reinterpret_cast<uintptr_t>(to.raw()));
  // gcd(0, n) = n: an address or step of 0 allows anything.
  const int64_t common =
      std::gcd(std::gcd(addresses, int64_t{16}), std::gcd(runs.width, runs.step) * size);
  const auto copy = [&]<class Unit>(Unit) {
    const auto bytes = static_cast<int64_t>(sizeof(Unit));
    // Units larger than an element hold several; of smaller ones an element takes several.
    const int64_t width = runs.width * size / bytes;
    const auto in_units = [&](int64_t elements) { return elements * size / bytes; };
    const auto all_places = places(in_units);
    const int64_t blocks =
        std::min((runs.count * width + kBlockThreads - 1) / kBlockThreads, kMapBlocks);
    launch(name, {.grid_x = static_cast<unsigned>(blocks), .block_x = kBlockThreads}, stream,
           &copy_runs_kernel<Unit, std::decay_t<decltype(all_places)>>, runs.count, width,
           all_places, static_cast<const Unit*>(from.raw()), static_cast<Unit*>(to.raw()));
  };
  if (common % 16 == 0)
    copy(Bytes16{});
  else if (common % 4 == 0)
    copy(uint32_t{});
  else if (common % 2 == 0)
    copy(uint16_t{});
  else
    copy(uint8_t{});
}

}  // namespace

void OwnKernels::transpose(const Tensor& x, Tensor& y) {
  const int64_t batches = x.rank() == 3 ? x.dim(0) : 1;
  const int64_t rows = x.dim(-2);
  const int64_t columns = x.dim(-1);
  const auto tiles = [](int64_t extent) {
    return static_cast<unsigned>((extent + kTile - 1) / kTile);
  };
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    launch("transpose",
           {.grid_x = tiles(rows),
            .grid_y = tiles(columns),
            .grid_z = static_cast<unsigned>(std::min<int64_t>(batches, 65535)),
            .block_x = kTile,
            .block_y = kTileRows},
           stream(), &transpose_kernel<T>, batches, rows, columns, x.data<T>(), y.data<T>());
  });
}

void OwnKernels::roll_rows(const Tensor& x, int64_t shift, Tensor& y) {
  const int64_t rows = x.dim(1);
  launch_copy("roll_rows", stream(), {x.dim(0) * rows, x.dim(2)}, x, y, [&](const auto& in_units) {
    return Roll{rows, shift, in_units(x.dim(2))};
  });
}

void OwnKernels::gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  launch_copy("gather_rows", stream(), {index.count(), x.dim(1)}, x, y, [&](const auto& in_units) {
    return Gather{index.data<int32_t>(), in_units(x.dim(1))};
  });
}

void OwnKernels::scatter_add_rows(const Tensor& dy, const Tensor& index, Tensor& dx) {
  const int64_t width = dx.dim(1);
  if (dx.count() == 0) return;
  dispatch_storage(dy.dtype(), [&]<class T>(T) {
    launch("scatter_add_rows",
           {.grid_x = static_cast<unsigned>(dx.dim(0)),
            .grid_y = static_cast<unsigned>((width + kBlockThreads - 1) / kBlockThreads),
            .block_x = kBlockThreads},
           stream(), &scatter_add_kernel<T>, index.count(), width, dy.data<T>(),
           index.data<int32_t>(), dx.data<T>());
  });
}

void OwnKernels::copy_2d(const Tensor& source, const Copy2d& extents, Tensor& destination) {
  const int64_t step = std::gcd(std::gcd(extents.source_offset, extents.source_pitch),
                                std::gcd(extents.destination_offset, extents.destination_pitch));
  launch_copy("copy_2d", stream(), {extents.rows, extents.width, step}, source, destination,
              [&](const auto& in_units) {
                return Pitched{in_units(extents.source_offset), in_units(extents.source_pitch),
                               in_units(extents.destination_offset),
                               in_units(extents.destination_pitch)};
              });
}

void OwnKernels::write_ring(const Tensor& rows, const Tensor& nullable_gate, Tensor& ring,
                            Tensor& head) {
  const int64_t count = rows.dim(1);
  const int64_t capacity = ring.dim(1);
  const int64_t width = ring.dim(2);
  const int64_t kept = std::min(count, capacity);
  const auto write = [&]<class T>(Gate<T> gate) {
    launch_copy(
        "write_ring", stream(), {ring.dim(0) * kept, width}, rows, ring, [&](const auto& in_units) {
          return Ring<T>{gate, head.data<int32_t>(), count, kept, capacity, in_units(width)};
        });
    launch("write_ring", {}, stream(), &advance_head_kernel<T>, gate, head.data<int32_t>(), count,
           capacity);
  };
  if (nullable_gate.defined())
    dispatch_arithmetic(nullable_gate.dtype(),
                        [&]<class T>(T) { write(Gate<T>{nullable_gate.data<T>()}); });
  else
    write(Gate<float>{nullptr});
}

void OwnKernels::rolled_index(int64_t shift, Tensor& index) {
  const int64_t count = index.count();
  if (count == 0) return;
  launch("rolled_index",
         {.grid_x = static_cast<unsigned>((count + kBlockThreads - 1) / kBlockThreads),
          .block_x = kBlockThreads},
         stream(), &rolled_index_kernel, count, shift, index.data<int32_t>());
}

}  // namespace amcl::cuda
