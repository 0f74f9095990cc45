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

// sum[c] += sum over rows of (x - shift), squares[c] += sum of (x - shift)^2, for `rows` <=
// kBatchNormBlockRows rows.
template <class D>
void MomentColumns(D d, const float* HWY_RESTRICT x, int64_t rows, int64_t width,
                   const float* HWY_RESTRICT shift, double* HWY_RESTRICT sum,
                   double* HWY_RESTRICT squares) {
  constexpr int64_t kVectors = 4;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float totals[2 * kVectors * HWY_MAX_BYTES / sizeof(float)];
  const int64_t group = kVectors * lanes;
  int64_t column = 0;
  for (; column + group <= width; column += group) {
    hn::Vec<D> shifts[kVectors];
    hn::Vec<D> sums[kVectors];
    hn::Vec<D> squared[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      shifts[v] = hn::LoadU(d, shift + column + v * lanes);
      sums[v] = hn::Zero(d);
      squared[v] = hn::Zero(d);
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < kVectors; ++v) {
        const auto centred = hn::Sub(hn::LoadU(d, x + row * width + column + v * lanes), shifts[v]);
        sums[v] = hn::Add(sums[v], centred);
        squared[v] = hn::MulAdd(centred, centred, squared[v]);
      }
    for (int64_t v = 0; v < kVectors; ++v) {
      hn::Store(sums[v], d, totals + v * lanes);
      hn::Store(squared[v], d, totals + group + v * lanes);
    }
    for (int64_t i = 0; i < group; ++i) {
      sum[column + i] += static_cast<double>(totals[i]);
      squares[column + i] += static_cast<double>(totals[group + i]);
    }
  }
  for (; column < width; ++column) {
    float column_sum = 0.0f;
    float column_squares = 0.0f;
    for (int64_t row = 0; row < rows; ++row) {
      const float centred = x[row * width + column] - shift[column];
      column_sum += centred;
      column_squares += centred * centred;
    }
    sum[column] += static_cast<double>(column_sum);
    squares[column] += static_cast<double>(column_squares);
  }
}

void BatchNormMoments(const float* x, int64_t rows, int64_t width, const float* shift, double* sum,
                      double* squares) {
  const hn::ScalableTag<float> d;
  for (int64_t row = 0; row < rows; row += kBatchNormBlockRows)
    MomentColumns(d, x + row * width, std::min(kBatchNormBlockRows, rows - row), width, shift, sum,
                  squares);
}

// sum_g[c] += sum of g, sum_gx[c] += sum of g (x - mean), with g = dy where y > 0 (or everywhere).
template <bool kRelu, class D>
void GradientColumns(D d, const BatchNormReduceArguments& a, int64_t first, int64_t rows,
                     int64_t width, double* HWY_RESTRICT sum_g, double* HWY_RESTRICT sum_gx) {
  constexpr int64_t kVectors = 4;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float totals[2 * kVectors * HWY_MAX_BYTES / sizeof(float)];
  const int64_t group = kVectors * lanes;
  const auto zero = hn::Zero(d);
  int64_t column = 0;
  for (; column + group <= width; column += group) {
    hn::Vec<D> means[kVectors];
    hn::Vec<D> gs[kVectors];
    hn::Vec<D> gxs[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      means[v] = hn::LoadU(d, a.mean + column + v * lanes);
      gs[v] = zero;
      gxs[v] = zero;
    }
    for (int64_t row = first; row < first + rows; ++row)
      for (int64_t v = 0; v < kVectors; ++v) {
        const int64_t i = row * width + column + v * lanes;
        auto g = hn::LoadU(d, a.dy + i);
        if constexpr (kRelu) g = hn::IfThenElseZero(hn::Gt(hn::LoadU(d, a.y + i), zero), g);
        gs[v] = hn::Add(gs[v], g);
        gxs[v] = hn::MulAdd(g, hn::Sub(hn::LoadU(d, a.x + i), means[v]), gxs[v]);
      }
    for (int64_t v = 0; v < kVectors; ++v) {
      hn::Store(gs[v], d, totals + v * lanes);
      hn::Store(gxs[v], d, totals + group + v * lanes);
    }
    for (int64_t i = 0; i < group; ++i) {
      sum_g[column + i] += static_cast<double>(totals[i]);
      sum_gx[column + i] += static_cast<double>(totals[group + i]);
    }
  }
  for (; column < width; ++column) {
    float column_g = 0.0f;
    float column_gx = 0.0f;
    for (int64_t row = first; row < first + rows; ++row) {
      const int64_t i = row * width + column;
      const float g = kRelu && !(a.y[i] > 0.0f) ? 0.0f : a.dy[i];
      column_g += g;
      column_gx += g * (a.x[i] - a.mean[column]);
    }
    sum_g[column] += static_cast<double>(column_g);
    sum_gx[column] += static_cast<double>(column_gx);
  }
}

void BatchNormReduce(const BatchNormReduceArguments& a, int64_t rows, int64_t width, double* sum_g,
                     double* sum_gx) {
  const hn::ScalableTag<float> d;
  for (int64_t row = 0; row < rows; row += kBatchNormBlockRows) {
    const int64_t block = std::min(kBatchNormBlockRows, rows - row);
    if (a.y != nullptr)
      GradientColumns<true>(d, a, row, block, width, sum_g, sum_gx);
    else
      GradientColumns<false>(d, a, row, block, width, sum_g, sum_gx);
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
