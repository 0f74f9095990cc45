// The inner loops of the direct convolutions, for the instruction set of this CPU. The driver is
// direct_conv.h.
#pragma once
#include <cstdint>

namespace amcl {

// Width of the panels of packed filters; few channels do not fill half a panel with nothing.
int64_t direct_panel(int64_t channels);

// The rows of a product: row r of the left factor is, for each tap, the pixel
// inputs[tap * pitch + r]; the result goes to outputs[r], as it is or, with a bias, as
// [relu] (result + bias + residuals[r]).
struct GatheredRows {
  const float* const* inputs;
  int64_t pitch;
  float* const* outputs;
  int64_t count;
  const float* nullable_bias;  // [outputs]
  const float* const* nullable_residuals;
  bool relu;
};

// outputs[r][o] = sum over taps and channels i of inputs[tap, r][i] * filter[tap, i, o], the filter
// packed as [panels of outputs][taps][channels][panel].
void direct_multiply(const GatheredRows& rows, int64_t taps, int64_t channels, const float* packed,
                     int64_t outputs);

// sums[k, :] (+)= sum over pixels of gradient[pixel, k] * panel[pixel, :]: gradient
// [pixels, gradient_stride], panel [pixels, width] with width of direct_panel, sums
// [filters, sums_stride].
void direct_multiply_transposed(const float* gradient, int64_t gradient_stride, int64_t filters,
                                const float* panel, int64_t width, int64_t pixels, bool accumulate,
                                float* sums, int64_t sums_stride);

}  // namespace amcl
