#include "engine/backend/cpu/batch_norm_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/batch_norm_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

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
template <class D>
void MomentPanel(D d, const float* HWY_RESTRICT x, int64_t rows, int64_t width, int64_t stride,
                 const float* HWY_RESTRICT shift, double* HWY_RESTRICT sum,
                 double* HWY_RESTRICT squares) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float sums[kPanel] = {};
  HWY_ALIGN float squared[kPanel] = {};
  for (int64_t row = 0; row < rows; ++row) {
    const float* HWY_RESTRICT xs = x + row * stride;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const auto centred = hn::Sub(hn::LoadU(d, xs + i), hn::LoadU(d, shift + i));
      hn::Store(hn::Add(hn::Load(d, sums + i), centred), d, sums + i);
      hn::Store(hn::MulAdd(centred, centred, hn::Load(d, squared + i)), d, squared + i);
    }
    for (; i < width; ++i) {
      const float centred = xs[i] - shift[i];
      sums[i] += centred;
      squared[i] += centred * centred;
    }
  }
  AddPanel(sums, width, sum);
  AddPanel(squared, width, squares);
}

void BatchNormMoments(const float* x, int64_t rows, int64_t width, const float* shift, double* sum,
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
template <bool kRelu, class D>
void GradientPanel(D d, const BatchNormReduceArguments& a, int64_t rows, int64_t width,
                   int64_t stride, double* HWY_RESTRICT sum_g, double* HWY_RESTRICT sum_gx) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  HWY_ALIGN float gs[kPanel] = {};
  HWY_ALIGN float gxs[kPanel] = {};
  for (int64_t row = 0; row < rows; ++row) {
    const float* HWY_RESTRICT dy = a.dy + row * stride;
    const float* HWY_RESTRICT x = a.x + row * stride;
    const float* HWY_RESTRICT y = kRelu ? a.y + row * stride : nullptr;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      auto g = hn::LoadU(d, dy + i);
      if constexpr (kRelu) g = hn::IfThenElseZero(hn::Gt(hn::LoadU(d, y + i), zero), g);
      const auto centred = hn::Sub(hn::LoadU(d, x + i), hn::LoadU(d, a.mean + i));
      hn::Store(hn::Add(hn::Load(d, gs + i), g), d, gs + i);
      hn::Store(hn::MulAdd(g, centred, hn::Load(d, gxs + i)), d, gxs + i);
    }
    for (; i < width; ++i) {
      const float g = kRelu && !(y[i] > 0.0f) ? 0.0f : dy[i];
      gs[i] += g;
      gxs[i] += g * (x[i] - a.mean[i]);
    }
  }
  AddPanel(gs, width, sum_g);
  AddPanel(gxs, width, sum_gx);
}

void BatchNormReduce(const BatchNormReduceArguments& a, int64_t rows, int64_t width, double* sum_g,
                     double* sum_gx) {
  const hn::ScalableTag<float> d;
  for (int64_t row = 0; row < rows; row += kBatchNormBlockRows)
    for (int64_t column = 0; column < width; column += kPanel) {
      const int64_t i = row * width + column;
      const BatchNormReduceArguments block{.dy = a.dy + i,
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

template <bool kRelu, bool kResidual>
void ApplyRows(const BatchNormApplyArguments& a, int64_t rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int64_t row = 0; row < rows; ++row) {
    const float* HWY_RESTRICT x = a.x + row * width;
    const float* HWY_RESTRICT residual = kResidual ? a.residual + row * width : nullptr;
    float* HWY_RESTRICT y = a.y + row * width;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      const auto centred = hn::Sub(hn::LoadU(d, x + i), hn::LoadU(d, a.mean + i));
      auto value = hn::MulAdd(centred, hn::LoadU(d, a.scale + i), hn::LoadU(d, a.beta + i));
      if constexpr (kResidual) value = hn::Add(value, hn::LoadU(d, residual + i));
      // In this order a value that is not a number stays so on x86.
      if constexpr (kRelu) value = hn::Max(zero, value);
      hn::StoreU(value, d, y + i);
    }
    for (; i < width; ++i) {
      float value = (x[i] - a.mean[i]) * a.scale[i] + a.beta[i];
      if constexpr (kResidual) value += residual[i];
      y[i] = kRelu && value < 0.0f ? 0.0f : value;
    }
  }
}

void BatchNormApply(const BatchNormApplyArguments& a, int64_t rows, int64_t width) {
  if (a.relu)
    a.residual != nullptr ? ApplyRows<true, true>(a, rows, width)
                          : ApplyRows<true, false>(a, rows, width);
  else
    a.residual != nullptr ? ApplyRows<false, true>(a, rows, width)
                          : ApplyRows<false, false>(a, rows, width);
}

template <bool kRelu, bool kResidual>
void BackwardRows(const BatchNormBackwardArguments& a, int64_t rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int64_t row = 0; row < rows; ++row) {
    const float* HWY_RESTRICT dy = a.dy + row * width;
    const float* HWY_RESTRICT x = a.x + row * width;
    const float* HWY_RESTRICT y = kRelu ? a.y + row * width : nullptr;
    float* HWY_RESTRICT dx = a.dx + row * width;
    float* HWY_RESTRICT dresidual = kResidual ? a.dresidual + row * width : nullptr;
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      auto g = hn::LoadU(d, dy + i);
      if constexpr (kRelu) g = hn::IfThenElseZero(hn::Gt(hn::LoadU(d, y + i), zero), g);
      if constexpr (kResidual) hn::StoreU(g, d, dresidual + i);
      const auto centred = hn::Sub(hn::LoadU(d, x + i), hn::LoadU(d, a.mean + i));
      const auto through_statistics =
          hn::MulAdd(centred, hn::LoadU(d, a.slope + i), hn::LoadU(d, a.offset + i));
      hn::StoreU(hn::MulSub(g, hn::LoadU(d, a.scale + i), through_statistics), d, dx + i);
    }
    for (; i < width; ++i) {
      const float g = kRelu && !(y[i] > 0.0f) ? 0.0f : dy[i];
      if constexpr (kResidual) dresidual[i] = g;
      dx[i] = g * a.scale[i] - ((x[i] - a.mean[i]) * a.slope[i] + a.offset[i]);
    }
  }
}

void BatchNormBackward(const BatchNormBackwardArguments& a, int64_t rows, int64_t width) {
  if (a.y != nullptr)
    a.dresidual != nullptr ? BackwardRows<true, true>(a, rows, width)
                           : BackwardRows<true, false>(a, rows, width);
  else
    a.dresidual != nullptr ? BackwardRows<false, true>(a, rows, width)
                           : BackwardRows<false, false>(a, rows, width);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(BatchNormMoments);
HWY_EXPORT(BatchNormReduce);
HWY_EXPORT(BatchNormApply);
HWY_EXPORT(BatchNormBackward);

void batch_norm_moments(const float* x, int64_t rows, int64_t width, const float* shift,
                        double* sum, double* squares) {
  HWY_DYNAMIC_DISPATCH(BatchNormMoments)(x, rows, width, shift, sum, squares);
}

void batch_norm_apply_rows(const BatchNormApplyArguments& arguments, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(BatchNormApply)(arguments, rows, width);
}

void batch_norm_reduce_rows(const BatchNormReduceArguments& arguments, int64_t rows, int64_t width,
                            double* sum_g, double* sum_gx) {
  HWY_DYNAMIC_DISPATCH(BatchNormReduce)(arguments, rows, width, sum_g, sum_gx);
}

void batch_norm_backward_rows(const BatchNormBackwardArguments& arguments, int64_t rows,
                              int64_t width) {
  HWY_DYNAMIC_DISPATCH(BatchNormBackward)(arguments, rows, width);
}

}  // namespace amcl
#endif  // HWY_ONCE
