// Reductions of the seam and the broadcasts that are their gradients (kernels/rows.cuh,
// columns.cuh).
#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_columns.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/launch_rows.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {

void OwnKernels::reduce_rows(Reduction op, const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.count() / y.count();
    launch_rows("reduce_rows", stream(), y.count(), n,
                RowSum<T>{x.data<T>(), n, divisor(op, n), y.data<T>()});
  });
}

void OwnKernels::reduce_columns(Reduction op, const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t groups = y.rank() == 2 ? y.dim(0) : 1;
    const int64_t rows = x.count() / y.count();
    launch_column_sums<T>("reduce_columns", stream(), *this, groups, rows, y.shape().back(),
                          aligned_for_packs(x.raw()), ColumnSum<T>{x.data<T>()}, divisor(op, rows),
                          ColumnOutputs<T, 1>{{y.data<T>()}});
  });
}

void OwnKernels::broadcast_rows(const Tensor& x, double scale, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t n = y.count() / x.count();
    launch_rows("broadcast_rows", stream(), x.count(), n,
                RowBroadcast<T>{x.data<T>(), static_cast<Wide<T>>(scale), n, y.data<T>()});
  });
}

void OwnKernels::scale_rows(const Tensor& x, const Tensor& s, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.count() / s.count();
    launch_rows("scale_rows", stream(), s.count(), n,
                RowScale<T>{x.data<T>(), s.data<T>(), n, y.data<T>()});
  });
}

void OwnKernels::sum_of_squares(const Tensor& x, Tensor& y) {
  constexpr int64_t kPart = 8192;  // elements of a block: 32 for each thread
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t parts = std::max<int64_t>(1, (x.count() + kPart - 1) / kPart);
    Tensor partial = Tensor::empty(*this, {parts}, DType::f64);
    launch_rows("sum_of_squares", stream(), parts, kPart,
                SquaresOfPart<T>{x.data<T>(), kPart, x.count(), partial.data<double>()});
    launch_rows("sum_of_squares", stream(), 1, parts,
                SumOfParts<T>{partial.data<double>(), parts, y.data<T>()});
  });
}

}  // namespace amcl::cuda
