// The inner loops of batch norm, for the instruction set of this CPU. All work on `rows` rows of
// `width` values; arrays of statistics hold one value per column.
#pragma once
#include <cstdint>

#include "engine/core/dtype.h"

namespace amcl {

// Rows whose sum is taken in f32 before it is added to f64.
inline constexpr int64_t kBatchNormBlockRows = 64;

// T is how activations are stored, float or bf16; statistics are f32.

// sum[c] += sum over rows of (x - shift), squares[c] += sum of (x - shift)^2.
template <class T>
void batch_norm_moments(const T* x, int64_t rows, int64_t width, const float* shift, double* sum,
                        double* squares);

// y = [relu] (scale (x - mean) + beta [+ residual])
template <class T>
struct BatchNormApplyArguments {
  const T* x;
  const T* residual;  // null: none
  const float* mean;
  const float* scale;  // gamma rstd
  const float* beta;
  bool relu;
  T* y;
};

template <class T>
void batch_norm_apply_rows(const BatchNormApplyArguments<T>& arguments, int64_t rows,
                           int64_t width);

template <class T>
struct BatchNormReduceArguments {
  const T* dy;
  const T* x;
  const T* y;  // null: no relu
  const float* mean;
};

// sum_g[c] += sum of g, sum_gx[c] += sum of g (x - mean), with g = dy where y > 0 (or everywhere).
template <class T>
void batch_norm_reduce_rows(const BatchNormReduceArguments<T>& arguments, int64_t rows,
                            int64_t width, double* sum_g, double* sum_gx);

// dx = scale g - offset - slope (x - mean)
template <class T>
struct BatchNormBackwardArguments {
  const T* dy;
  const T* x;
  const T* y;  // null: no relu
  const float* mean;
  const float* scale;
  const float* offset;
  const float* slope;
  T* dx;
  T* dresidual;  // null: not wanted
};

template <class T>
void batch_norm_backward_rows(const BatchNormBackwardArguments<T>& arguments, int64_t rows,
                              int64_t width);

}  // namespace amcl
