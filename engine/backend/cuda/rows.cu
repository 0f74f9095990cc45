// Row operations of the seam (kernels/rows.cuh) and columns to unit variance. They compute in f32
// or f64: the seam casts before it comes to rows, temperatures and losses.
#include "engine/backend/cuda/kernels/rows.cuh"

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/kernels/standardize.cuh"
#include "engine/backend/cuda/launch_columns.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/launch_rows.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {

void OwnKernels::l2_normalize(const Tensor& x, double epsilon, Tensor& u, Tensor& norm) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("l2_normalize", stream(), x.shape().rows(), n,
                L2Normalize<T>{x.data<T>(), n, epsilon, u.data<T>(), norm.data<T>()});
  });
}

void OwnKernels::l2_normalize_backward(const Tensor& u, const Tensor& norm, double epsilon,
                                       const Tensor& du, Tensor& dx) {
  dispatch_arithmetic(u.dtype(), [&]<class T>(T) {
    const int64_t n = u.shape().back();
    launch_rows("l2_normalize_backward", stream(), u.shape().rows(), n,
                L2NormalizeBackward<T>{u.data<T>(), norm.data<T>(), du.data<T>(), n, epsilon,
                                       dx.data<T>()});
  });
}

void OwnKernels::row_dot(const Tensor& a, const Tensor& b, Tensor& y) {
  dispatch_arithmetic(a.dtype(), [&]<class T>(T) {
    const int64_t n = a.shape().back();
    launch_rows("row_dot", stream(), a.shape().rows(), n,
                RowDot<T>{a.data<T>(), b.data<T>(), n, y.data<T>()});
  });
}

void OwnKernels::log_sum_exp(const Tensor& x, Tensor& y) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("log_sum_exp", stream(), x.shape().rows(), n,
                LogSumExp<T>{x.data<T>(), n, y.data<T>()});
  });
}

void OwnKernels::log_sum_exp_backward(const Tensor& x, const Tensor& y, const Tensor& dy,
                                      Tensor& dx) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("log_sum_exp_backward", stream(), x.shape().rows(), n,
                LogSumExpBackward<T>{x.data<T>(), y.data<T>(), dy.data<T>(), n, dx.data<T>()});
  });
}

void OwnKernels::log_softmax(const Tensor& x, Tensor& y) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("log_softmax", stream(), x.shape().rows(), n,
                LogSoftmax<T>{x.data<T>(), n, y.data<T>()});
  });
}

void OwnKernels::log_softmax_backward(const Tensor& y, const Tensor& dy, Tensor& dx) {
  dispatch_arithmetic(y.dtype(), [&]<class T>(T) {
    const int64_t n = y.shape().back();
    launch_rows("log_softmax_backward", stream(), y.shape().rows(), n,
                LogSoftmaxBackward<T>{y.data<T>(), dy.data<T>(), n, dx.data<T>()});
  });
}

void OwnKernels::cross_entropy(const Tensor& x, const Tensor& target, Tensor& loss) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("cross_entropy", stream(), x.shape().rows(), n,
                CrossEntropy<T>{x.data<T>(), target.data<int32_t>(), n, loss.data<T>()});
  });
}

void OwnKernels::cross_entropy_backward(const Tensor& x, const Tensor& target, const Tensor& dloss,
                                        Tensor& dx) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    launch_rows("cross_entropy_backward", stream(), x.shape().rows(), n,
                CrossEntropyBackward<T>{x.data<T>(), target.data<int32_t>(), dloss.data<T>(), n,
                                        dx.data<T>()});
  });
}

// The statistics of batch norm with one group per head, then one pass.
void OwnKernels::standardize_columns(const Tensor& x, int64_t ddof, double epsilon, Tensor& xs,
                                     Tensor& rstd) {
  dispatch_arithmetic(x.dtype(), [&]<class T>(T) {
    const int64_t heads = x.dim(0);
    const int64_t rows = x.dim(1);
    const int64_t columns = x.dim(2);
    Tensor mean = Tensor::empty(*this, {heads, columns}, x.dtype());
    Tensor variance = Tensor::empty(*this, {heads, columns}, x.dtype());
    batch_norm_statistics(x, {.groups = heads}, mean, variance);
    const double unbias = static_cast<double>(rows) / static_cast<double>(rows - ddof);
    launch_map("standardize_columns", stream(), variance.count(),
               ReciprocalDeviation<T>{static_cast<T>(unbias), static_cast<T>(epsilon)},
               rstd.data<T>(), static_cast<const T*>(variance.data<T>()));
    launch_column_map<T>(
        "standardize_columns", stream(), heads, rows, columns,
        aligned_for_packs(x.raw()) && aligned_for_packs(xs.raw()) && aligned_for_packs(rstd.raw()),
        Standardize<T>{x.data<T>(), mean.data<T>(), rstd.data<T>(), columns, xs.data<T>()});
  });
}

void OwnKernels::standardize_columns_backward(const Tensor& xs, const Tensor& rstd, int64_t ddof,
                                              const Tensor& dxs, Tensor& dx) {
  dispatch_arithmetic(xs.dtype(), [&]<class T>(T) {
    const int64_t heads = xs.dim(0);
    const int64_t rows = xs.dim(1);
    const int64_t columns = xs.dim(2);
    const bool aligned = aligned_for_packs(xs.raw()) && aligned_for_packs(dxs.raw());
    Tensor sums = Tensor::empty(*this, {2, heads, columns}, xs.dtype());
    T* sum = sums.data<T>();
    T* along = sum + heads * columns;
    launch_column_sums<T>("standardize_columns_backward", stream(), *this, heads, rows, columns,
                          aligned, StandardizeSums<T>{xs.data<T>(), dxs.data<T>()}, 1.0,
                          ColumnOutputs<T, 2>{{sum, along}});
    launch_column_map<T>("standardize_columns_backward", stream(), heads, rows, columns,
                         aligned && aligned_for_packs(rstd.raw()) && aligned_for_packs(dx.raw()),
                         StandardizeBackward<T>{xs.data<T>(), dxs.data<T>(), rstd.data<T>(), sum,
                                                along, columns, T(1) / static_cast<T>(rows),
                                                T(1) / static_cast<T>(rows - ddof), dx.data<T>()});
  });
}

}  // namespace amcl::cuda
