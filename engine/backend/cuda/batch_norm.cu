// Batch norm of the seam (kernels/batch_norm.cuh).
#include "engine/backend/cuda/kernels/batch_norm.cuh"

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_columns.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

template <class T>
ColumnStatistics<T> statistics_of(const Tensor& mean, const Tensor& variance,
                                  const BatchNormSpec& spec) {
  using Number = Wide<T>;
  return {mean.data<Number>(), variance.data<Number>(), mean.shape().back(),
          static_cast<Number>(spec.epsilon)};
}

template <class T>
T* pointer(Tensor& nullable) {
  return nullable.defined() ? nullable.data<T>() : nullptr;
}
template <class T>
const T* pointer(const Tensor& nullable) {
  return nullable.defined() ? nullable.data<T>() : nullptr;
}

// An empty tensor does not stand in the way.
bool aligned(std::initializer_list<const Tensor*> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const Tensor* tensor) {
    return !tensor->defined() || aligned_for_packs(tensor->raw());
  });
}

}  // namespace

void OwnKernels::batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                                       Tensor& variance) {
  const int64_t columns = x.shape().back();
  const int64_t rows = x.shape().rows() / spec.groups;
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    using Number = Wide<T>;
    with_column_packs<T>(columns, aligned({&x}), [&]<int V>() {
      const ColumnCut cut(spec.groups, rows, columns, V, kColumnSumBlocks);
      Tensor partial =
          Tensor::empty(*this, {spec.groups, cut.extents.chunks, 2, columns}, kDTypeOf<Number>);
      launch("batch_norm_statistics", cut.shape, stream(), &batch_norm_moments_kernel<V, T>,
             cut.extents, x.data<T>(), partial.data<Number>());
      launch("batch_norm_statistics", column_totals_shape(cut.extents), stream(),
             &batch_norm_merge_kernel<Number>, cut.extents, partial.data<Number>(),
             mean.data<Number>(), variance.data<Number>());
    });
  });
}

void OwnKernels::batch_norm_update_running(const Tensor& mean, const Tensor& variance,
                                           int64_t rows_per_group, double momentum,
                                           Tensor& running_mean, Tensor& running_variance) {
  dispatch_arithmetic(mean.dtype(), [&]<class T>(T) {
    const int64_t channels = running_mean.count();
    const double unbias =
        static_cast<double>(rows_per_group) / static_cast<double>(rows_per_group - 1);
    const LaunchShape shape{
        .grid_x = static_cast<unsigned>((channels + kBlockThreads - 1) / kBlockThreads),
        .block_x = kBlockThreads};
    launch("batch_norm_update_running", shape, stream(), &batch_norm_running_kernel<T>,
           mean.count() / channels, channels, mean.data<T>(), variance.data<T>(),
           static_cast<T>(momentum), static_cast<T>(unbias), running_mean.data<T>(),
           running_variance.data<T>());
  });
}

void OwnKernels::batch_norm_apply(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                  const Tensor& gamma, const Tensor& beta,
                                  const Tensor& nullable_residual, const BatchNormSpec& spec,
                                  Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    using Number = Wide<T>;
    launch_column_map<T>("batch_norm_apply", stream(), spec.groups, x.shape().rows() / spec.groups,
                         x.shape().back(), aligned({&x, &nullable_residual, &y}),
                         BatchNormApply<T>{statistics_of<T>(mean, variance, spec),
                                           gamma.data<Number>(), beta.data<Number>(), x.data<T>(),
                                           pointer<T>(nullable_residual), spec.relu, y.data<T>()});
  });
}

// The epilogue is batch norm without statistics.
void OwnKernels::conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                              const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                              Tensor& y) {
  Tensor sums = Tensor::empty_like(y);
  conv2d(x, w, spec, sums);
  const Tensor zeros = Tensor::zeros(*this, bias.shape(), bias.dtype());
  Tensor ones = Tensor::empty_like(bias);
  fill(ones, 1.0);
  batch_norm_apply(sums, zeros, ones, ones, bias, nullable_residual, {.epsilon = 0.0, .relu = relu},
                   y);
}

void OwnKernels::batch_norm_backward_reduce(const Tensor& dy, const Tensor& x,
                                            const Tensor& nullable_y, const Tensor& mean,
                                            const Tensor& variance, const BatchNormSpec& spec,
                                            Tensor& sum_g, Tensor& sum_g_xhat) {
  const Tensor mask = spec.relu ? nullable_y : Tensor{};
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    using Number = Wide<T>;
    launch_column_sums<T>(
        "batch_norm_backward_reduce", stream(), *this, spec.groups, x.shape().rows() / spec.groups,
        x.shape().back(), aligned({&dy, &x, &mask}),
        BatchNormBackwardReduce<T>{statistics_of<T>(mean, variance, spec),
                                   {dy.data<T>(), x.data<T>(), pointer<T>(mask)}},
        1.0, ColumnOutputs<Number, 2>{{sum_g.data<Number>(), sum_g_xhat.data<Number>()}});
  });
}

void OwnKernels::batch_norm_backward_apply(const Tensor& dy, const Tensor& x,
                                           const Tensor& nullable_y, const Tensor& mean,
                                           const Tensor& variance, const Tensor& gamma,
                                           const Tensor& nullable_sum_g,
                                           const Tensor& nullable_sum_g_xhat,
                                           const BatchNormSpec& spec, Tensor& dx,
                                           Tensor& nullable_dresidual) {
  const Tensor mask = spec.relu ? nullable_y : Tensor{};
  const int64_t rows = x.shape().rows() / spec.groups;
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    using Number = Wide<T>;
    launch_column_map<T>("batch_norm_backward_apply", stream(), spec.groups, rows, x.shape().back(),
                         aligned({&dy, &x, &mask, &dx, &nullable_dresidual}),
                         BatchNormBackwardApply<T>{statistics_of<T>(mean, variance, spec),
                                                   {dy.data<T>(), x.data<T>(), pointer<T>(mask)},
                                                   gamma.data<Number>(),
                                                   pointer<Number>(nullable_sum_g),
                                                   pointer<Number>(nullable_sum_g_xhat),
                                                   Number(1) / static_cast<Number>(rows),
                                                   dx.data<T>(),
                                                   pointer<T>(nullable_dresidual)});
  });
}

}  // namespace amcl::cuda
