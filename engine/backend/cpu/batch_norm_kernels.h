// The inner loops of batch norm, for the instruction set of this CPU. All work on `rows` rows of
// `width` f32 values; arrays of statistics hold one value per column.
#pragma once
#include <cstdint>

namespace amcl {

// Rows whose sum is taken in f32 before it is added to f64.
inline constexpr int64_t kBatchNormBlockRows = 64;

// sum[c] += sum over rows of (x - shift), squares[c] += sum of (x - shift)^2.
void batch_norm_moments(const float* x, int64_t rows, int64_t width, const float* shift,
                        double* sum, double* squares);

// y = [relu] (scale (x - mean) + beta [+ residual])
struct BatchNormApplyArguments {
  const float* x;
  const float* residual;  // null: none
  const float* mean;
  const float* scale;  // gamma rstd
  const float* beta;
  bool relu;
  float* y;
};

void batch_norm_apply_rows(const BatchNormApplyArguments& arguments, int64_t rows, int64_t width);

struct BatchNormReduceArguments {
  const float* dy;
  const float* x;
  const float* y;  // null: no relu
  const float* mean;
};

// sum_g[c] += sum of g, sum_gx[c] += sum of g (x - mean), with g = dy where y > 0 (or everywhere).
void batch_norm_reduce_rows(const BatchNormReduceArguments& arguments, int64_t rows, int64_t width,
                            double* sum_g, double* sum_gx);

// dx = scale g - offset - slope (x - mean)
struct BatchNormBackwardArguments {
  const float* dy;
  const float* x;
  const float* y;  // null: no relu
  const float* mean;
  const float* scale;
  const float* offset;
  const float* slope;
  float* dx;
  float* dresidual;  // null: not wanted
};

void batch_norm_backward_rows(const BatchNormBackwardArguments& arguments, int64_t rows,
                              int64_t width);

}  // namespace amcl
