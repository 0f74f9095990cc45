// The inner loops of Winograd's convolution F(4x4, 3x3) and of its weight gradient F(3x3, 4x4), for
// the instruction set of this CPU. The driver is winograd.h; the mathematics is there.
#pragma once
#include <cstdint>

#include "engine/backend/cpu/conv_epilogue.h"

namespace amcl {

// Points of a transformed tile of 6 x 6.
inline constexpr int64_t kWinogradPoints = 36;
inline constexpr int64_t kWinogradTile = 4;

// An activation [N, H, W, C] cut into tiles of 4 x 4 places, for a 3 x 3 window or in itself.
struct WinogradTiles {
  int64_t height, width, channels;
  int64_t tiles_high, tiles_wide;  // of one image
};

// A matrix for each of the 36 points: element (row, column) of point e is
// data[e * point_stride + row * row_stride + column].
struct WinogradMatrices {
  float* data;
  int64_t point_stride;
  int64_t row_stride;
};

// Width of the panels that filters are packed into; channel counts are rounded up to it in
// WinogradMatrices. Depends on the instruction set, and on the channels so that few do not fill
// half a panel with nothing.
int64_t winograd_panel(int64_t channels);

// Filters w [K, 3, 3, C] to point matrices packed as [36][panels of outputs][inputs][panel], for
// outputs [first, last) (both multiples of the panel, or last the end). Forward: inputs C, outputs
// K. Rotated (for the data gradient): inputs K, outputs C, taps reversed.
void winograd_transform_filter(const float* w, int64_t filters, int64_t channels, bool rotated,
                               int64_t first_output, int64_t last_output, float* packed);

// Windows of 6 x 6 places around the tiles [first, first + count), moved by -padding, to `v`: rows
// are tiles. `zeros` holds at least the channels rounded up to a panel.
void winograd_transform_input(const float* x, const WinogradTiles& tiles, int64_t padding,
                              int64_t first, int64_t count, const float* zeros,
                              const WinogradMatrices& v);
// The tiles of a gradient [N, P, Q, K] themselves to points, for the weight gradient.
void winograd_transform_gradient(const float* dy, const WinogradTiles& tiles, int64_t first,
                                 int64_t count, const float* zeros, const WinogradMatrices& v);

// m = v u for each point: v [count, inputs], u packed, m [count, outputs].
void winograd_multiply(const WinogradMatrices& v, const float* packed, int64_t count,
                       int64_t inputs, int64_t outputs, const WinogradMatrices& m);
// m (+)= d^T v for the first `points` points: d [count, filters], v [count, channels],
// m [filters, channels].
void winograd_multiply_transposed(const WinogradMatrices& d, const WinogradMatrices& v,
                                  int64_t points, int64_t count, int64_t filters, int64_t channels,
                                  bool accumulate, const WinogradMatrices& m);

// Points back to the tiles of y, which may reach over its edge.
void winograd_transform_output(const WinogradMatrices& m, const WinogradTiles& tiles, int64_t first,
                               int64_t count, const ConvEpilogue& epilogue, float* y);
// Points of the weight gradient, summed over `parts` (part_stride floats apart) in order, to
// dw [K, 3, 3, C] for filters [first, last).
void winograd_transform_weight_gradient(const WinogradMatrices& m, int64_t parts,
                                        int64_t part_stride, int64_t channels, int64_t first,
                                        int64_t last, float* dw);

}  // namespace amcl
