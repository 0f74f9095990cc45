#include "engine/backend/cpu/batch_norm_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/batch_norm_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "engine/backend/cpu/bf16_lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns whose sums one pass keeps in the first-level cache.
constexpr int64_t kPanel = 512;

// Adds the f32 sums of a panel to the f64 ones.
inline void AddPanel(const float* HWY_RESTRICT panel, int64_t width, double* HWY_RESTRICT sum) {
  for (int64_t i = 0; i < width; ++i) sum[i] += static_cast<double>(panel[i]);
}

// sum[c] += sum over rows of (x - shift), squares[c] += sum of (x - shift)^2, for `rows` <=
// kBatchNormBlockRows rows of `width` <= kPanel columns, `stride` apart. Rows are read from end to
// end, as memory delivers them fastest; the sums of a row wait in the first-level cache.
template <class T, class D>
void MomentPanel(D d, const T* HWY_RESTRICT x, int64_t rows, int64_t width, int64_t stride,
                 const float* HWY_RESTRICT shift, double* HWY_RESTRICT sum,
                 double* HWY_RESTRICT squares) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float sums[kPanel] = {};
  HWY_ALIGN float squared[kPanel] = {};
  for (int64_t row = 0; row < rows; ++row) {
    const T* HWY_RESTRICT xs = x + row * stride;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const auto centred = hn::Sub(Load32(d, xs + i), hn::LoadU(d, shift + i));
      hn::Store(hn::Add(hn::Load(d, sums + i), centred), d, sums + i);
      hn::Store(hn::MulAdd(centred, centred, hn::Load(d, squared + i)), d, squared + i);
    }
    for (; i < width; ++i) {
      const float centred = static_cast<float>(xs[i]) - shift[i];
      sums[i] += centred;
      squared[i] += centred * centred;
    }
  }
  AddPanel(sums, width, sum);
  AddPanel(squared, width, squares);
}

template <class T>
void BatchNormMoments(const T* x, int64_t rows, int64_t width, const float* shift, double* sum,
                      double* squares) {
  const hn::ScalableTag<float> d;
  for (int64_t row = 0; row < rows; row += kBatchNormBlockRows)
    for (int64_t column = 0; column < width; column += kPanel)
      MomentPanel(d, x + row * width + column, std::min(kBatchNormBlockRows, rows - row),
                  std::min(kPanel, width - column), width, shift + column, sum + column,
                  squares + column);
}

// sum_g[c] += sum of g, sum_gx[c] += sum of g (x - mean), with g = dy where y > 0 (or everywhere),
// for `rows` <= kBatchNormBlockRows rows of `width` <= kPanel columns, `stride` apart.
template <bool kRelu, class T, class D>
void GradientPanel(D d, const BatchNormReduceArguments<T>& a, int64_t rows, int64_t width,
                   int64_t stride, double* HWY_RESTRICT sum_g, double* HWY_RESTRICT sum_gx) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  HWY_ALIGN float gs[kPanel] = {};
  HWY_ALIGN float gxs[kPanel] = {};
  for (int64_t row = 0; row < rows; ++row) {
    const T* HWY_RESTRICT dy = a.dy + row * stride;
    const T* HWY_RESTRICT x = a.x + row * stride;
    const T* HWY_RESTRICT y = kRelu ? a.y + row * stride : nullptr;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      auto g = Load32(d, dy + i);
      if constexpr (kRelu) g = hn::IfThenElseZero(hn::Gt(Load32(d, y + i), zero), g);
      const auto centred = hn::Sub(Load32(d, x + i), hn::LoadU(d, a.mean + i));
      hn::Store(hn::Add(hn::Load(d, gs + i), g), d, gs + i);
      hn::Store(hn::MulAdd(g, centred, hn::Load(d, gxs + i)), d, gxs + i);
    }
    for (; i < width; ++i) {
      const float g =
          kRelu && !(static_cast<float>(y[i]) > 0.0f) ? 0.0f : static_cast<float>(dy[i]);
      gs[i] += g;
      gxs[i] += g * (static_cast<float>(x[i]) - a.mean[i]);
    }
  }
  AddPanel(gs, width, sum_g);
  AddPanel(gxs, width, sum_gx);
}

template <class T>
void BatchNormReduce(const BatchNormReduceArguments<T>& a, int64_t rows, int64_t width,
                     double* sum_g, double* sum_gx) {
  const hn::ScalableTag<float> d;
  for (int64_t row = 0; row < rows; row += kBatchNormBlockRows)
    for (int64_t column = 0; column < width; column += kPanel) {
      const int64_t i = row * width + column;
      const BatchNormReduceArguments<T> block{.dy = a.dy + i,
                                              .x = a.x + i,
                                              .y = a.y != nullptr ? a.y + i : nullptr,
                                              .mean = a.mean + column};
      const int64_t block_rows = std::min(kBatchNormBlockRows, rows - row);
      const int64_t block_width = std::min(kPanel, width - column);
      if (a.y != nullptr)
        GradientPanel<true>(d, block, block_rows, block_width, width, sum_g + column,
                            sum_gx + column);
      else
        GradientPanel<false>(d, block, block_rows, block_width, width, sum_g + column,
                             sum_gx + column);
    }
}

template <bool kRelu, bool kResidual, class T>
void ApplyRows(const BatchNormApplyArguments<T>& a, int64_t rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int64_t row = 0; row < rows; ++row) {
    const T* HWY_RESTRICT x = a.x + row * width;
    const T* HWY_RESTRICT residual = kResidual ? a.residual + row * width : nullptr;
    T* HWY_RESTRICT y = a.y + row * width;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const auto centred = hn::Sub(Load32(d, x + i), hn::LoadU(d, a.mean + i));
      auto value = hn::MulAdd(centred, hn::LoadU(d, a.scale + i), hn::LoadU(d, a.beta + i));
      if constexpr (kResidual) value = hn::Add(value, Load32(d, residual + i));
      // In this order a value that is not a number stays so on x86.
      if constexpr (kRelu) value = hn::Max(zero, value);
      Store32(value, d, y + i);
    }
    for (; i < width; ++i) {
      float value = (static_cast<float>(x[i]) - a.mean[i]) * a.scale[i] + a.beta[i];
      if constexpr (kResidual) value += static_cast<float>(residual[i]);
      y[i] = static_cast<T>(kRelu && value < 0.0f ? 0.0f : value);
    }
  }
}

template <class T>
void BatchNormApply(const BatchNormApplyArguments<T>& a, int64_t rows, int64_t width) {
  if (a.relu)
    a.residual != nullptr ? ApplyRows<true, true>(a, rows, width)
                          : ApplyRows<true, false>(a, rows, width);
  else
    a.residual != nullptr ? ApplyRows<false, true>(a, rows, width)
                          : ApplyRows<false, false>(a, rows, width);
}

template <bool kRelu, bool kResidual, class T>
void BackwardRows(const BatchNormBackwardArguments<T>& a, int64_t rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int64_t row = 0; row < rows; ++row) {
    const T* HWY_RESTRICT dy = a.dy + row * width;
    const T* HWY_RESTRICT x = a.x + row * width;
    const T* HWY_RESTRICT y = kRelu ? a.y + row * width : nullptr;
    T* HWY_RESTRICT dx = a.dx + row * width;
    T* HWY_RESTRICT dresidual = kResidual ? a.dresidual + row * width : nullptr;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      auto g = Load32(d, dy + i);
      if constexpr (kRelu) g = hn::IfThenElseZero(hn::Gt(Load32(d, y + i), zero), g);
      if constexpr (kResidual) Store32(g, d, dresidual + i);
      const auto centred = hn::Sub(Load32(d, x + i), hn::LoadU(d, a.mean + i));
      const auto through_statistics =
          hn::MulAdd(centred, hn::LoadU(d, a.slope + i), hn::LoadU(d, a.offset + i));
      Store32(hn::MulSub(g, hn::LoadU(d, a.scale + i), through_statistics), d, dx + i);
    }
    for (; i < width; ++i) {
      const float g =
          kRelu && !(static_cast<float>(y[i]) > 0.0f) ? 0.0f : static_cast<float>(dy[i]);
      if constexpr (kResidual) dresidual[i] = static_cast<T>(g);
      dx[i] = static_cast<T>(g * a.scale[i] -
                             ((static_cast<float>(x[i]) - a.mean[i]) * a.slope[i] + a.offset[i]));
    }
  }
}

template <class T>
void BatchNormBackward(const BatchNormBackwardArguments<T>& a, int64_t rows, int64_t width) {
  if (a.y != nullptr)
    a.dresidual != nullptr ? BackwardRows<true, true>(a, rows, width)
                           : BackwardRows<true, false>(a, rows, width);
  else
    a.dresidual != nullptr ? BackwardRows<false, true>(a, rows, width)
                           : BackwardRows<false, false>(a, rows, width);
}

// Exported by name: one of each for each type of activations.
#define AMCL_BATCH_NORM(suffix, T)                                                               \
  void Moments##suffix(const T* x, int64_t rows, int64_t width, const float* shift, double* sum, \
                       double* squares) {                                                        \
    BatchNormMoments(x, rows, width, shift, sum, squares);                                       \
  }                                                                                              \
  void Apply##suffix(const BatchNormApplyArguments<T>& a, int64_t rows, int64_t width) {         \
    BatchNormApply(a, rows, width);                                                              \
  }                                                                                              \
  void Reduce##suffix(const BatchNormReduceArguments<T>& a, int64_t rows, int64_t width,         \
                      double* sum_g, double* sum_gx) {                                           \
    BatchNormReduce(a, rows, width, sum_g, sum_gx);                                              \
  }                                                                                              \
  void Backward##suffix(const BatchNormBackwardArguments<T>& a, int64_t rows, int64_t width) {   \
    BatchNormBackward(a, rows, width);                                                           \
  }
AMCL_BATCH_NORM(F32, float)
AMCL_BATCH_NORM(Bf16, bf16)
#undef AMCL_BATCH_NORM

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

#define AMCL_BATCH_NORM(suffix, T)                                                               \
  HWY_EXPORT(Moments##suffix);                                                                   \
  HWY_EXPORT(Apply##suffix);                                                                     \
  HWY_EXPORT(Reduce##suffix);                                                                    \
  HWY_EXPORT(Backward##suffix);                                                                  \
  template <>                                                                                    \
  void batch_norm_moments(const T* x, int64_t rows, int64_t width, const float* shift,           \
                          double* sum, double* squares) {                                        \
    HWY_DYNAMIC_DISPATCH(Moments##suffix)(x, rows, width, shift, sum, squares);                  \
  }                                                                                              \
  template <>                                                                                    \
  void batch_norm_apply_rows(const BatchNormApplyArguments<T>& a, int64_t rows, int64_t width) { \
    HWY_DYNAMIC_DISPATCH(Apply##suffix)(a, rows, width);                                         \
  }                                                                                              \
  template <>                                                                                    \
  void batch_norm_reduce_rows(const BatchNormReduceArguments<T>& a, int64_t rows, int64_t width, \
                              double* sum_g, double* sum_gx) {                                   \
    HWY_DYNAMIC_DISPATCH(Reduce##suffix)(a, rows, width, sum_g, sum_gx);                         \
  }                                                                                              \
  template <>                                                                                    \
  void batch_norm_backward_rows(const BatchNormBackwardArguments<T>& a, int64_t rows,            \
                                int64_t width) {                                                 \
    HWY_DYNAMIC_DISPATCH(Backward##suffix)(a, rows, width);                                      \
  }
AMCL_BATCH_NORM(F32, float)
AMCL_BATCH_NORM(Bf16, bf16)
#undef AMCL_BATCH_NORM

}  // namespace amcl
#endif  // HWY_ONCE
