#include "engine/backend/cpu/direct_conv_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/direct_conv_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "engine/backend/cpu/gemm_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One tile: rows [first, first + R), columns [output, output + V vectors) of which `columns` exist,
// over `taps` taps; `accumulate` adds to what the outputs hold, `last`: the sums are whole.
template <int R, int V>
HWY_NOINLINE void GatherTile(const GatheredRows& rows, int64_t first, int64_t first_tap,
                             int64_t taps, int64_t channels, const float* HWY_RESTRICT right,
                             int64_t output, int64_t columns, bool accumulate, bool last) {
  const D d;
  const bool whole = columns >= V * kLanes;
  Vector sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const float* result = rows.outputs[first + r] + output + v * kLanes;
      sums[r][v] = !accumulate ? hn::Zero(d)
                   : whole     ? hn::LoadU(d, result)
                               : LoadFirst(result, columns - v * kLanes);
    }
  for (int64_t tap = first_tap; tap < first_tap + taps; ++tap) {
    const float* left[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) left[r] = rows.inputs[tap * rows.pitch + first + r];
    for (int64_t c = 0; c < channels; ++c) {
      Vector b[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) b[v] = hn::LoadU(d, right + v * kLanes);
      right += V * kLanes;
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vector factor = hn::Set(d, left[r][c]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sums[r][v] = hn::MulAdd(factor, b[v], sums[r][v]);
      }
    }
  }
  if (last && rows.nullable_bias != nullptr) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const int64_t column = output + v * kLanes;
      const int64_t count = columns - v * kLanes;
      const Vector bias = LoadFirst(rows.nullable_bias + column, count);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        Vector& sum = sums[r][v];
        sum = hn::Add(sum, bias);
        if (rows.nullable_residuals != nullptr)
          sum = hn::Add(sum, LoadFirst(rows.nullable_residuals[first + r] + column, count));
        if (rows.relu) sum = hn::Max(hn::Zero(d), sum);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      float* result = rows.outputs[first + r] + output + v * kLanes;
      if (whole)
        hn::StoreU(sums[r][v], d, result);
      else
        StoreFirst(sums[r][v], columns - v * kLanes, result);
    }
}

// GatherTile for `count` <= kTileRows rows known at run time only.
template <int V, int R = kTileRows>
HWY_INLINE void GatherRows(int64_t count, const GatheredRows& rows, int64_t first,
                           int64_t first_tap, int64_t taps, int64_t channels, const float* right,
                           int64_t output, int64_t columns, bool accumulate, bool last) {
  if constexpr (R > 1) {
    if (count < R)
      return GatherRows<V, R - 1>(count, rows, first, first_tap, taps, channels, right, output,
                                  columns, accumulate, last);
  }
  GatherTile<R, V>(rows, first, first_tap, taps, channels, right, output, columns, accumulate,
                   last);
}

template <int V>
void MultiplyGathered(const GatheredRows& rows, int64_t taps, int64_t channels, const float* packed,
                      int64_t outputs) {
  constexpr int64_t kPanel = V * kLanes;
  // As many taps at once as keep the panel of the filter in the first-level cache.
  const int64_t taps_at_once = std::max<int64_t>(1, 256 / channels);
  const int64_t tiles = (rows.count + kTileRows - 1) / kTileRows;
  for (int64_t output = 0; output < outputs; output += kPanel) {
    int64_t tap = 0;
    do {  // once even without taps: the outputs are then zero
      const int64_t count = std::min(taps_at_once, taps - tap);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t first = rows.count * tile / tiles;
        GatherRows<V>(rows.count * (tile + 1) / tiles - first, rows, first, tap, count, channels,
                      packed + tap * channels * kPanel, output, outputs - output, tap > 0,
                      tap + count == taps);
      }
      tap += count;
    } while (tap < taps);
    packed += taps * channels * kPanel;
  }
}

void GatheredProduct(const GatheredRows& rows, int64_t taps, int64_t channels, const float* packed,
                     int64_t outputs) {
  if (Panel(outputs) == kLanes)
    MultiplyGathered<1>(rows, taps, channels, packed, outputs);
  else
    MultiplyGathered<2>(rows, taps, channels, packed, outputs);
}

void TransposedProduct(const float* gradient, int64_t gradient_stride, int64_t filters,
                       const float* panel, int64_t width, int64_t pixels, bool accumulate,
                       float* sums, int64_t sums_stride) {
  const StridedLeft left{gradient, 1, gradient_stride};
  if (width == kLanes)
    MultiplyPanel<1, false>(filters, left, panel, width, pixels, sums, sums_stride, accumulate);
  else
    MultiplyPanel<2, false>(filters, left, panel, width, pixels, sums, sums_stride, accumulate);
}

int64_t DirectPanel(int64_t channels) {
  return Panel(channels);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(DirectPanel);
HWY_EXPORT(GatheredProduct);
HWY_EXPORT(TransposedProduct);

int64_t direct_panel(int64_t channels) {
  return HWY_DYNAMIC_DISPATCH(DirectPanel)(channels);
}

void direct_multiply(const GatheredRows& rows, int64_t taps, int64_t channels, const float* packed,
                     int64_t outputs) {
  HWY_DYNAMIC_DISPATCH(GatheredProduct)(rows, taps, channels, packed, outputs);
}

void direct_multiply_transposed(const float* gradient, int64_t gradient_stride, int64_t filters,
                                const float* panel, int64_t width, int64_t pixels, bool accumulate,
                                float* sums, int64_t sums_stride) {
  HWY_DYNAMIC_DISPATCH(TransposedProduct)
  (gradient, gradient_stride, filters, panel, width, pixels, accumulate, sums, sums_stride);
}

}  // namespace amcl
#endif  // HWY_ONCE
