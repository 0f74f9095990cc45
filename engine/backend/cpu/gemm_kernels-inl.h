// Register-blocked products: the inner loops of the convolutions, once per instruction set.
//
// A tile of R rows by V vectors of the result stays in registers while the sum runs. Per step of
// the sum it takes V vector loads and R broadcasts for R * V multiply-adds; R * V is chosen so that
// the multiply-adds hide their own latency and the registers suffice (16: 6 x 2, 32: 12 x 2).
//
// No include guard in the usual sense: hwy/foreach_target.h includes this once per target.
#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

#if defined(AMCL_CPU_GEMM_KERNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef AMCL_CPU_GEMM_KERNELS_INL_H
#undef AMCL_CPU_GEMM_KERNELS_INL_H
#else
#define AMCL_CPU_GEMM_KERNELS_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using Vector = hn::Vec<D>;
inline constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
inline constexpr int kTileRows = 12;
#else
inline constexpr int kTileRows = 6;
#endif

// Columns of a panel: what the tile is wide, unless there are too few.
HWY_INLINE int64_t Panel(int64_t channels) {
  return channels <= kLanes ? kLanes : 2 * kLanes;
}

HWY_INLINE int64_t RoundUp(int64_t count, int64_t step) {
  return (count + step - 1) / step * step;
}

// The first `count` <= kLanes values from p, zeros behind them.
HWY_INLINE Vector LoadFirst(const float* p, int64_t count) {
  const D d;
  if (count >= kLanes) return hn::LoadU(d, p);
  if (count <= 0) return hn::Zero(d);
  HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy_n(p, count, values);
  return hn::Load(d, values);
}

HWY_INLINE void StoreFirst(Vector v, int64_t count, float* p) {
  const D d;
  if (count >= kLanes) return hn::StoreU(v, d, p);
  HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, values);
  std::copy_n(values, std::max<int64_t>(count, 0), p);
}

// Where the left factor's element (row, step) is.
struct StridedLeft {
  const float* base;
  int64_t row_stride;
  int64_t step_stride;
};

// c[r, :] (+)= sum over steps of left(r, step) * right[step, :], for R rows and V vectors.
// right [steps, right_stride], c [R, c_stride].
template <int R, int V, bool kUnitStep>
HWY_NOINLINE void MultiplyTile(const StridedLeft left, const float* HWY_RESTRICT right,
                               int64_t right_stride, int64_t steps, float* HWY_RESTRICT c,
                               int64_t c_stride, bool accumulate) {
  const D d;
  Vector sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v)
      sums[r][v] = accumulate ? hn::LoadU(d, c + r * c_stride + v * kLanes) : hn::Zero(d);
  const float* HWY_RESTRICT a = left.base;
  const int64_t step_stride = kUnitStep ? 1 : left.step_stride;
  const int64_t row_stride = kUnitStep ? left.row_stride : 1;
  for (int64_t step = 0; step < steps; ++step) {
    Vector b[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) b[v] = hn::LoadU(d, right + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vector factor = hn::Set(d, a[r * row_stride]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] = hn::MulAdd(factor, b[v], sums[r][v]);
    }
    a += step_stride;
    right += right_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) hn::StoreU(sums[r][v], d, c + r * c_stride + v * kLanes);
}

// MultiplyTile for `rows` <= kTileRows rows known at run time only.
template <int V, bool kUnitStep, int R = kTileRows>
HWY_INLINE void MultiplyRows(int64_t rows, const StridedLeft& left, const float* right,
                             int64_t right_stride, int64_t steps, float* c, int64_t c_stride,
                             bool accumulate) {
  if constexpr (R > 1) {
    if (rows < R)
      return MultiplyRows<V, kUnitStep, R - 1>(rows, left, right, right_stride, steps, c, c_stride,
                                               accumulate);
  }
  MultiplyTile<R, V, kUnitStep>(left, right, right_stride, steps, c, c_stride, accumulate);
}

// The same for any number of rows: cut into the fewest tiles, of nearly equal height.
template <int V, bool kUnitStep>
void MultiplyPanel(int64_t rows, const StridedLeft& left, const float* right, int64_t right_stride,
                   int64_t steps, float* c, int64_t c_stride, bool accumulate) {
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  const int64_t left_row_stride = kUnitStep ? left.row_stride : 1;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = rows * tile / tiles;
    const int64_t end = rows * (tile + 1) / tiles;
    MultiplyRows<V, kUnitStep>(
        end - begin, {left.base + begin * left_row_stride, left.row_stride, left.step_stride},
        right, right_stride, steps, c + begin * c_stride, c_stride, accumulate);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#endif
