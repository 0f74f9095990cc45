// Pooling of the seam (kernels/pool.cuh; averages are sums over the places of an image).
#include "engine/backend/cuda/kernels/pool.cuh"

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_columns.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

PoolExtents extents_of(const Tensor& x, const Tensor& y, const PoolSpec& spec) {
  return {x.dim(0), x.dim(1),    x.dim(2),    x.dim(3),    y.dim(1),
          y.dim(2), spec.kernel, spec.stride, spec.padding};
}

LaunchShape shape_of(int64_t units) {
  return {.grid_x = static_cast<unsigned>(
              std::min((units + kBlockThreads - 1) / kBlockThreads, kMapBlocks)),
          .block_x = kBlockThreads};
}

}  // namespace

void OwnKernels::max_pool(const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const bool aligned = aligned_for_packs(x.raw()) && aligned_for_packs(y.raw());
    with_column_packs<T>(x.dim(3), aligned, [&]<int V>() {
      launch("max_pool", shape_of(y.count() / V), stream(), &max_pool_kernel<V, T>,
             extents_of(x, y, spec), x.data<T>(), y.data<T>(), argmax.data<int32_t>());
    });
  });
}

void OwnKernels::max_pool_backward(const Tensor& dy, const Tensor& argmax, const PoolSpec& spec,
                                   Tensor& dx) {
  dispatch_storage(dy.dtype(), [&]<class T>(T) {
    const bool aligned = aligned_for_packs(dy.raw()) && aligned_for_packs(dx.raw());
    with_column_packs<T>(dx.dim(3), aligned, [&]<int V>() {
      launch("max_pool_backward", shape_of(dx.count() / V), stream(),
             &max_pool_backward_kernel<V, T>, extents_of(dx, dy, spec), dy.data<T>(),
             argmax.data<int32_t>(), dx.data<T>());
    });
  });
}

void OwnKernels::global_average_pool(const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const int64_t places = x.dim(1) * x.dim(2);
    launch_column_sums<T>("global_average_pool", stream(), *this, x.dim(0), places, x.dim(3),
                          aligned_for_packs(x.raw()), ColumnSum<T>{x.data<T>()},
                          static_cast<double>(places), ColumnOutputs<T, 1>{{y.data<T>()}});
  });
}

void OwnKernels::global_average_pool_backward(const Tensor& dy, Tensor& dx) {
  dispatch_storage(dy.dtype(), [&]<class T>(T) {
    const int64_t places = dx.dim(1) * dx.dim(2);
    const int64_t channels = dx.dim(3);
    launch_column_map<T>("global_average_pool_backward", stream(), dx.dim(0), places, channels,
                         aligned_for_packs(dy.raw()) && aligned_for_packs(dx.raw()),
                         ColumnBroadcast<T>{dy.data<T>(), Wide<T>(1) / static_cast<Wide<T>>(places),
                                            channels, dx.data<T>()});
  });
}

}  // namespace amcl::cuda
