#include "engine/backend/cpu/direct_conv.h"

#include <algorithm>
#include <vector>

#include "engine/backend/cpu/direct_conv_kernels.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Pixels that a worker takes at once. The weight gradient's are the steps of its sums: their panel
// and the gradients beside it should fill half of the first-level cache.
constexpr int64_t kBlockPixels = 48;
constexpr int64_t kGradientBlockPixels = 128;
// Pixels with fewer channels than this are copied together to windows.
constexpr int64_t kMinGatherChannels = 8;

int64_t divide_up(int64_t count, int64_t step) {
  return (count + step - 1) / step;
}

int64_t padded(int64_t channels) {
  const int64_t panel = direct_panel(channels);
  return divide_up(channels, panel) * panel;
}

struct Tap {
  int64_t down;    // row of the source pixel, less stride times the row of the grid
  int64_t right;   // column alike
  int64_t offset;  // of the tap in a filter [R, S, C]
};

// A grid of result pixels and where the taps of each read.
struct Grid {
  int64_t images, height, width;                   // the grid
  int64_t source_height, source_width;             // [N, H, W, channels]
  int64_t channels, stride;                        // of the source
  int64_t result_height, result_width;             // [N, H, W, outputs]
  int64_t outputs, step, first_row, first_column;  // grid (i, j) is result (first_row + i step, ..)
  std::vector<Tap> taps;

  int64_t pixels() const { return images * height * width; }

  // Pointers of grid pixels [first, first + count): inputs [taps][count], outputs [count].
  void gather(int64_t first, int64_t count, const float* source, const float* zeros,
              const float** inputs) const {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t pixel = first + r;
      const float* image =
          source + pixel / (height * width) * source_height * source_width * channels;
      const int64_t top = pixel / width % height * stride;
      const int64_t left = pixel % width * stride;
      for (size_t tap = 0; tap < taps.size(); ++tap) {
        const int64_t h = top + taps[tap].down;
        const int64_t w = left + taps[tap].right;
        const bool inside = h >= 0 && h < source_height && w >= 0 && w < source_width;
        inputs[static_cast<int64_t>(tap) * count + r] =
            inside ? image + (h * source_width + w) * channels : zeros;
      }
    }
  }
  template <class T>  // float or const float
  void places(int64_t first, int64_t count, T* result, T** pointers) const {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t pixel = first + r;
      const int64_t row =
          pixel / (height * width) * result_height + pixel / width % height * step + first_row;
      pointers[r] = result + (row * result_width + pixel % width * step + first_column) * outputs;
    }
  }
};

// The output pixels of the convolution, reading x.
Grid forward_grid(const ConvShape& s) {
  Grid grid{.images = s.images,
            .height = s.out_height,
            .width = s.out_width,
            .source_height = s.height,
            .source_width = s.width,
            .channels = s.channels,
            .stride = s.stride,
            .result_height = s.out_height,
            .result_width = s.out_width,
            .outputs = s.filters,
            .step = 1,
            .first_row = 0,
            .first_column = 0,
            .taps = {}};
  for (int64_t r = 0; r < s.rows; ++r)
    for (int64_t c = 0; c < s.columns; ++c)
      grid.taps.push_back({r - s.padding, c - s.padding, (r * s.columns + c) * s.channels});
  return grid;
}

// The input pixels (h, w) with h = row, w = column modulo the stride, reading dy.
Grid gradient_grid(const ConvShape& s, int64_t row, int64_t column) {
  Grid grid{.images = s.images,
            .height = divide_up(s.height - row, s.stride),
            .width = divide_up(s.width - column, s.stride),
            .source_height = s.out_height,
            .source_width = s.out_width,
            .channels = s.filters,
            .stride = 1,
            .result_height = s.height,
            .result_width = s.width,
            .outputs = s.channels,
            .step = s.stride,
            .first_row = row,
            .first_column = column,
            .taps = {}};
  for (int64_t r = (row + s.padding) % s.stride; r < s.rows; r += s.stride)
    for (int64_t c = (column + s.padding) % s.stride; c < s.columns; c += s.stride)
      grid.taps.push_back({(row + s.padding - r) / s.stride, (column + s.padding - c) / s.stride,
                           (r * s.columns + c) * s.channels});
  return grid;
}

// Copies the windows of `count` gathered pixels together: [count, taps * channels].
void copy_windows(const Grid& grid, const float* const* inputs, int64_t count, int64_t row_stride,
                  float* windows) {
  for (int64_t r = 0; r < count; ++r) {
    float* window = windows + r * row_stride;
    for (size_t tap = 0; tap < grid.taps.size(); ++tap)
      window = std::copy_n(inputs[static_cast<int64_t>(tap) * count + r], grid.channels, window);
  }
}

// Filters [K, R, S, C] packed for direct_multiply as [panels][taps][inputs][panel]; the element of
// (output, tap, input) is w[output * output_stride + tap.offset + input * input_stride].
void pack_filter(const Grid& grid, const float* w, int64_t output_stride, int64_t input_stride,
                 float* packed) {
  const int64_t panel = direct_panel(grid.outputs);
  const auto taps = static_cast<int64_t>(grid.taps.size());
  parallel_for(divide_up(grid.outputs, panel), 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      for (int64_t tap = 0; tap < taps; ++tap)
        for (int64_t input = 0; input < grid.channels; ++input) {
          const float* source = w + grid.taps[static_cast<size_t>(tap)].offset +
                                input * input_stride + p * panel * output_stride;
          float* destination = packed + ((p * taps + tap) * grid.channels + input) * panel;
          const int64_t columns = std::min(panel, grid.outputs - p * panel);
          for (int64_t o = 0; o < columns; ++o) destination[o] = source[o * output_stride];
          std::fill(destination + columns, destination + panel, 0.0f);
        }
  });
}

// result = the products of all pixels of the grid.
void multiply(const Grid& grid, const float* source, const float* w, int64_t output_stride,
              int64_t input_stride, const ConvEpilogue& epilogue, float* result, Scratch& scratch) {
  const auto taps = static_cast<int64_t>(grid.taps.size());
  const auto* residual = static_cast<const float*>(epilogue.nullable_residual);
  const bool copy = grid.channels < kMinGatherChannels && taps > 1;
  const int64_t filter_floats = padded(grid.outputs) * taps * grid.channels;
  const int64_t window_floats = copy ? kBlockPixels * taps * grid.channels : 0;
  const int64_t blocks = divide_up(grid.pixels(), kBlockPixels);
  const int64_t workers = std::min<int64_t>(blocks, compute_threads());
  float* packed = scratch.floats(filter_floats + grid.channels + workers * window_floats);
  float* zeros = packed + filter_floats;
  float* all_windows = zeros + grid.channels;
  std::fill_n(zeros, grid.channels, 0.0f);
  pack_filter(grid, w, output_stride, input_stride, packed);
  parallel_for(workers, 1, [&](int64_t first_worker, int64_t last_worker) {
    std::vector<const float*> inputs(
        static_cast<size_t>(std::max<int64_t>(taps, 1) * kBlockPixels));
    std::vector<float*> outputs(kBlockPixels);
    std::vector<const float*> residuals(residual == nullptr ? 0 : kBlockPixels);
    float* windows = all_windows + first_worker * window_floats;
    for (int64_t block = blocks * first_worker / workers; block < blocks * last_worker / workers;
         ++block) {
      const int64_t first = block * kBlockPixels;
      const int64_t count = std::min(kBlockPixels, grid.pixels() - first);
      grid.gather(first, count, source, zeros, inputs.data());
      grid.places(first, count, result, outputs.data());
      if (residual != nullptr) grid.places(first, count, residual, residuals.data());
      if (copy) {
        copy_windows(grid, inputs.data(), count, taps * grid.channels, windows);
        for (int64_t r = 0; r < count; ++r)
          inputs[static_cast<size_t>(r)] = windows + r * taps * grid.channels;
      }
      direct_multiply({.inputs = inputs.data(),
                       .pitch = count,
                       .outputs = outputs.data(),
                       .count = count,
                       .nullable_bias = epilogue.nullable_bias,
                       .nullable_residuals = residuals.data(),
                       .relu = epilogue.relu},
                      copy ? 1 : taps, copy ? taps * grid.channels : grid.channels, packed,
                      grid.outputs);
    }
  });
}

// The sums of one worker: [filters][taps][channels rounded up to panels], or with copied windows
// [filters][taps * channels rounded up].
struct WeightSums {
  bool copy;
  int64_t taps;      // that panels are taken of
  int64_t channels;  // of each of them
  int64_t panel;
  int64_t row_stride;

  explicit WeightSums(const Grid& grid)
      : copy(grid.channels < kMinGatherChannels && grid.taps.size() > 1),
        taps(copy ? 1 : static_cast<int64_t>(grid.taps.size())),
        channels(copy ? static_cast<int64_t>(grid.taps.size()) * grid.channels : grid.channels),
        panel(direct_panel(channels)),
        row_stride(taps * padded(channels)) {}
};

// Brings the panel [count, panel] of `tap` and the channels from `channel` together.
void copy_panel(const WeightSums& sums, const float* const* inputs, int64_t count, int64_t tap,
                int64_t channel, float* panel) {
  const int64_t columns = std::min(sums.panel, sums.channels - channel);
  for (int64_t r = 0; r < count; ++r) {
    float* end = std::copy_n(inputs[tap * count + r] + channel, columns, panel + r * sums.panel);
    std::fill(end, panel + (r + 1) * sums.panel, 0.0f);
  }
}

}  // namespace

void direct_forward(const ConvShape& shape, const float* x, const float* w,
                    const ConvEpilogue& epilogue, float* y, Scratch& scratch) {
  multiply(forward_grid(shape), x, w, shape.rows * shape.columns * shape.channels, 1, epilogue, y,
           scratch);
}

void direct_data_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx,
                          Scratch& scratch) {
  for (int64_t row = 0; row < std::min(shape.stride, shape.height); ++row)
    for (int64_t column = 0; column < std::min(shape.stride, shape.width); ++column)
      multiply(gradient_grid(shape, row, column), dy, w, 1,
               shape.rows * shape.columns * shape.channels, /*epilogue=*/{}, dx, scratch);
}

void direct_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw,
                            Scratch& scratch) {
  const Grid grid = forward_grid(shape);
  const WeightSums sums(grid);
  const int64_t filters = shape.filters;
  const auto taps = static_cast<int64_t>(grid.taps.size());
  const int64_t blocks = divide_up(grid.pixels(), kGradientBlockPixels);
  // Workers split the pixels, each with sums of its own, but only while these are smaller than what
  // they are the sums of; beyond that they split the filters.
  const int64_t threads = compute_threads();
  const int64_t pixel_parts = std::clamp<int64_t>(
      grid.pixels() * (sums.row_stride + filters) / (2 * sums.row_stride * filters), 1,
      std::min(threads, blocks));
  const int64_t filter_parts = std::clamp<int64_t>(threads / pixel_parts, 1, divide_up(filters, 6));
  const int64_t part_floats = filters * sums.row_stride;
  const int64_t gradient_stride = divide_up(filters, filter_parts) + 16;
  const int64_t window_floats = sums.copy ? kGradientBlockPixels * sums.channels : 0;
  const int64_t worker_floats =
      kGradientBlockPixels * (gradient_stride + sums.panel) + window_floats;
  float* zeros = scratch.floats(grid.channels + pixel_parts * part_floats +
                                pixel_parts * filter_parts * worker_floats);
  float* all_sums = zeros + grid.channels;
  float* all_work = all_sums + pixel_parts * part_floats;
  std::fill_n(zeros, grid.channels, 0.0f);

  const auto work = [&](int64_t worker) {
    const int64_t part = worker / filter_parts;
    const int64_t first_filter = filters * (worker % filter_parts) / filter_parts;
    const int64_t last_filter = filters * (worker % filter_parts + 1) / filter_parts;
    float* gradient = all_work + worker * worker_floats;
    float* panel = gradient + kGradientBlockPixels * gradient_stride;
    float* windows = panel + kGradientBlockPixels * sums.panel;
    float* part_sums = all_sums + part * part_floats + first_filter * sums.row_stride;
    std::vector<const float*> inputs(static_cast<size_t>(taps * kGradientBlockPixels));
    const int64_t first_block = blocks * part / pixel_parts;
    for (int64_t block = first_block; block < blocks * (part + 1) / pixel_parts; ++block) {
      const int64_t first = block * kGradientBlockPixels;
      const int64_t count = std::min(kGradientBlockPixels, grid.pixels() - first);
      grid.gather(first, count, x, zeros, inputs.data());
      if (sums.copy) {
        copy_windows(grid, inputs.data(), count, sums.channels, windows);
        for (int64_t r = 0; r < count; ++r)
          inputs[static_cast<size_t>(r)] = windows + r * sums.channels;
      }
      for (int64_t r = 0; r < count; ++r)
        std::copy_n(dy + (first + r) * filters + first_filter, last_filter - first_filter,
                    gradient + r * gradient_stride);
      for (int64_t tap = 0; tap < sums.taps; ++tap)
        for (int64_t channel = 0; channel < sums.channels; channel += sums.panel) {
          copy_panel(sums, inputs.data(), count, tap, channel, panel);
          direct_multiply_transposed(gradient, gradient_stride, last_filter - first_filter, panel,
                                     sums.panel, count, block > first_block,
                                     part_sums + tap * padded(sums.channels) + channel,
                                     sums.row_stride);
        }
    }
  };
  parallel_for(pixel_parts * filter_parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; ++worker) work(worker);
  });
  parallel_for(filters * sums.taps, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* source = all_sums + row * padded(sums.channels);
      float* destination = dw + row * sums.channels;
      std::copy_n(source, sums.channels, destination);
      for (int64_t part = 1; part < pixel_parts; ++part)
        for (int64_t c = 0; c < sums.channels; ++c)
          destination[c] += source[part * part_floats + c];
    }
  });
}

}  // namespace amcl
