#include "engine/backend/cpu/winograd.h"

#include <algorithm>

#include "engine/backend/cpu/winograd_kernels.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Tiles that a worker holds at the points at once. Measured on Zen 3 (512 KiB of second-level
// cache): 32 to 96 differ by less than 3 %; the products with few tiles wait for the filter, those
// with many for the tiles.
constexpr int64_t kBlockTiles = 48;
constexpr int64_t kGradientBlockTiles = 96;

constexpr int64_t kMinChannels = 8;

int64_t divide_up(int64_t count, int64_t step) {
  return (count + step - 1) / step;
}

int64_t padded(int64_t channels) {
  const int64_t panel = winograd_panel(channels);
  return divide_up(channels, panel) * panel;
}

// The distance of rows in memory: a multiple of many cache lines would map all rows to the same few
// sets of the cache.
int64_t row_stride(int64_t channels) {
  return padded(channels) + (channels >= 64 ? 16 : 0);
}

// Memory of one set of 36 matrices of `rows` rows.
struct MatrixPlan {
  int64_t rows;
  int64_t stride;
  int64_t point_stride;

  MatrixPlan(int64_t row_count, int64_t channels)
      : rows(row_count), stride(row_stride(channels)), point_stride(rows * stride + 16) {}
  int64_t floats() const { return kWinogradPoints * point_stride; }
  WinogradMatrices at(float* data) const { return {data, point_stride, stride}; }
};

WinogradTiles tiles_over(int64_t height, int64_t width, int64_t channels, const ConvShape& shape) {
  return {height, width, channels, divide_up(shape.out_height, kWinogradTile),
          divide_up(shape.out_width, kWinogradTile)};
}

// All tiles of the batch, cut into blocks, a run of blocks for each worker.
struct Blocks {
  int64_t tiles;
  int64_t workers;
  int64_t blocks;

  Blocks(const ConvShape& shape, int64_t tiles_of_block)
      : tiles(shape.images * divide_up(shape.out_height, kWinogradTile) *
              divide_up(shape.out_width, kWinogradTile)),
        workers(std::clamp<int64_t>(tiles / 8, 1, compute_threads())),
        blocks(divide_up(divide_up(tiles, tiles_of_block), workers) * workers) {}

  int64_t max_tiles() const { return divide_up(tiles, blocks); }

  // Calls body(worker, first tile, tiles) for each block, on the worker's thread.
  template <class Body>
  void for_each(const Body& body) const {
    parallel_for(workers, 1, [&](int64_t first_worker, int64_t last_worker) {
      for (int64_t worker = first_worker; worker < last_worker; ++worker)
        for (int64_t block = blocks * worker / workers; block < blocks * (worker + 1) / workers;
             ++block) {
          const int64_t first = tiles * block / blocks;
          body(worker, first, tiles * (block + 1) / blocks - first);
        }
    });
  }
};

// y = x * w for the [K, 3, 3, C] filters `w` as they are, or rotated and with K and C exchanged.
void convolve(const ConvShape& shape, const float* x, const float* w, bool rotated,
              const ConvEpilogue& epilogue, float* y, Scratch& scratch) {
  const int64_t inputs = shape.channels;
  const int64_t outputs = shape.filters;
  const Blocks blocks(shape, kBlockTiles);
  const MatrixPlan v_plan(blocks.max_tiles(), inputs);
  const MatrixPlan m_plan(blocks.max_tiles(), outputs);
  const int64_t filter_floats = kWinogradPoints * padded(outputs) * inputs;
  const int64_t worker_floats = v_plan.floats() + m_plan.floats();
  float* zeros = scratch.floats(padded(inputs) + filter_floats + blocks.workers * worker_floats);
  float* filter = zeros + padded(inputs);
  float* matrices = filter + filter_floats;
  std::fill_n(zeros, padded(inputs), 0.0f);

  const int64_t panel = winograd_panel(outputs);
  parallel_for(divide_up(outputs, panel), 1, [&](int64_t begin, int64_t end) {
    winograd_transform_filter(w, rotated ? inputs : outputs, rotated ? outputs : inputs, rotated,
                              begin * panel, std::min(end * panel, outputs), filter);
  });
  const WinogradTiles x_tiles = tiles_over(shape.height, shape.width, inputs, shape);
  const WinogradTiles y_tiles = tiles_over(shape.out_height, shape.out_width, outputs, shape);
  blocks.for_each([&](int64_t worker, int64_t first, int64_t count) {
    const WinogradMatrices v = v_plan.at(matrices + worker * worker_floats);
    const WinogradMatrices m = m_plan.at(matrices + worker * worker_floats + v_plan.floats());
    winograd_transform_input(x, x_tiles, shape.padding, first, count, zeros, v);
    winograd_multiply(v, filter, count, inputs, outputs, m);
    winograd_transform_output(m, y_tiles, first, count, epilogue, y);
  });
}

// Everything that both forms of the weight gradient need.
struct WeightGradient {
  const ConvShape& shape;
  const float* x;
  const float* dy;
  float* dw;
  WinogradTiles x_tiles;
  WinogradTiles dy_tiles;
  MatrixPlan sums;     // [filters, channels]
  int64_t zero_count;  // floats

  WeightGradient(const ConvShape& s, const float* x_data, const float* dy_data, float* dw_data)
      : shape(s),
        x(x_data),
        dy(dy_data),
        dw(dw_data),
        x_tiles(tiles_over(s.height, s.width, s.channels, s)),
        dy_tiles(tiles_over(s.out_height, s.out_width, s.filters, s)),
        sums(s.filters, s.channels),
        zero_count(padded(std::max(s.channels, s.filters))) {}

  void transform(int64_t first, int64_t count, const float* zeros, const WinogradMatrices& v,
                 const WinogradMatrices& d) const {
    winograd_transform_input(x, x_tiles, shape.padding, first, count, zeros, v);
    winograd_transform_gradient(dy, dy_tiles, first, count, zeros, d);
  }
  void finish(float* sum_data, int64_t parts) const {
    parallel_for(shape.filters, 1, [&](int64_t begin, int64_t end) {
      winograd_transform_weight_gradient(sums.at(sum_data), parts, sums.floats(), shape.channels,
                                         begin, end, dw);
    });
  }
};

// Each worker sums over its own tiles; the sums are added up at the end.
void gradient_by_tiles(const WeightGradient& g, const Blocks& blocks, Scratch& scratch) {
  const MatrixPlan v_plan(blocks.max_tiles(), g.shape.channels);
  const MatrixPlan d_plan(blocks.max_tiles(), g.shape.filters);
  const int64_t worker_floats = v_plan.floats() + d_plan.floats();
  float* zeros = scratch.floats(g.zero_count + blocks.workers * (worker_floats + g.sums.floats()));
  float* sum_data = zeros + g.zero_count;
  float* matrices = sum_data + blocks.workers * g.sums.floats();
  std::fill_n(zeros, g.zero_count, 0.0f);
  blocks.for_each([&](int64_t worker, int64_t first, int64_t count) {
    const WinogradMatrices v = v_plan.at(matrices + worker * worker_floats);
    const WinogradMatrices d = d_plan.at(matrices + worker * worker_floats + v_plan.floats());
    g.transform(first, count, zeros, v, d);
    const bool first_of_worker =
        first == blocks.tiles * (blocks.blocks * worker / blocks.workers) / blocks.blocks;
    winograd_multiply_transposed(d, v, kWinogradPoints, count, g.shape.filters, g.shape.channels,
                                 !first_of_worker, g.sums.at(sum_data + worker * g.sums.floats()));
  });
  g.finish(sum_data, blocks.workers);
}

// All workers bring a share of a large block to the points; then each sums over the whole block for
// some points and filters. The sums are too large to have one per worker.
void gradient_by_points(const WeightGradient& g, const Blocks& blocks, Scratch& scratch) {
  const int64_t tiles_at_once = std::min<int64_t>(blocks.tiles, 256);
  const MatrixPlan v_plan(tiles_at_once, g.shape.channels);
  const MatrixPlan d_plan(tiles_at_once, g.shape.filters);
  float* zeros = scratch.floats(g.zero_count + g.sums.floats() + v_plan.floats() + d_plan.floats());
  float* sum_data = zeros + g.zero_count;
  const WinogradMatrices m = g.sums.at(sum_data);
  const WinogradMatrices v = v_plan.at(sum_data + g.sums.floats());
  const WinogradMatrices d = d_plan.at(v.data + v_plan.floats());
  std::fill_n(zeros, g.zero_count, 0.0f);
  constexpr int64_t kFiltersAtOnce = 96;
  const int64_t filter_runs = divide_up(g.shape.filters, kFiltersAtOnce);
  for (int64_t start = 0; start < blocks.tiles; start += tiles_at_once) {
    const int64_t count = std::min(tiles_at_once, blocks.tiles - start);
    parallel_for(count, 8, [&](int64_t begin, int64_t end) {
      const auto from_row = [&](const WinogradMatrices& all) {
        return WinogradMatrices{all.data + begin * all.row_stride, all.point_stride,
                                all.row_stride};
      };
      g.transform(start + begin, end - begin, zeros, from_row(v), from_row(d));
    });
    parallel_for(kWinogradPoints * filter_runs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t point = task / filter_runs;
        const int64_t filter = task % filter_runs * kFiltersAtOnce;
        for (int64_t row = 0; row < count; row += kGradientBlockTiles)
          winograd_multiply_transposed(
              {d.data + point * d.point_stride + row * d.row_stride + filter, 0, d.row_stride},
              {v.data + point * v.point_stride + row * v.row_stride, 0, v.row_stride}, 1,
              std::min(kGradientBlockTiles, count - row),
              std::min(kFiltersAtOnce, g.shape.filters - filter), g.shape.channels, start + row > 0,
              {m.data + point * m.point_stride + filter * m.row_stride, 0, m.row_stride});
      }
    });
  }
  g.finish(sum_data, 1);
}

}  // namespace

bool winograd_fits(const ConvShape& shape) {
  return shape.rows == 3 && shape.columns == 3 && shape.stride == 1 && shape.padding <= 2;
}

bool winograd_pays(const ConvShape& shape) {
  return shape.channels >= kMinChannels && shape.filters >= kMinChannels;
}

void winograd_forward(const ConvShape& shape, const float* x, const float* w,
                      const ConvEpilogue& epilogue, float* y, Scratch& scratch) {
  convolve(shape, x, w, /*rotated=*/false, epilogue, y, scratch);
}

void winograd_data_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx,
                            Scratch& scratch) {
  ConvShape reversed = shape;
  std::swap(reversed.height, reversed.out_height);
  std::swap(reversed.width, reversed.out_width);
  std::swap(reversed.channels, reversed.filters);
  reversed.padding = 2 - shape.padding;
  convolve(reversed, dy, w, /*rotated=*/true, /*epilogue=*/{}, dx, scratch);
}

void winograd_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw,
                              Scratch& scratch) {
  const WeightGradient gradient(shape, x, dy, dw);
  const Blocks blocks(shape, kGradientBlockTiles);
  // Sums of their own for all workers are worth it while they are smaller than the tiles.
  const bool own_sums = 2 * blocks.workers * shape.channels * shape.filters <=
                        blocks.tiles * (shape.channels + shape.filters);
  if (own_sums)
    gradient_by_tiles(gradient, blocks, scratch);
  else
    gradient_by_points(gradient, blocks, scratch);
}

}  // namespace amcl
