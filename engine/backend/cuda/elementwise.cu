// Elementwise kernels of the seam (kernels/map.cuh, elementwise.cuh).
#include "engine/backend/cuda/kernels/elementwise.cuh"

#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/launch_columns.h"
#include "engine/backend/cuda/launch_map.h"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {

void OwnKernels::fill(Tensor& y, double value) {
  dispatch_storage(y.dtype(), [&]<class T>(T) {
    launch_map("fill", stream(), y.count(), Constant<Wide<T>>{static_cast<Wide<T>>(value)},
               y.data<T>());
  });
}

void OwnKernels::cast(const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class From>(From) {
    dispatch_storage(y.dtype(), [&]<class To>(To) {
      launch_map("cast", stream(), y.count(), Identity{}, y.data<To>(), x.data<From>());
    });
  });
}

void OwnKernels::affine(const Tensor& x, double scale, double shift, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    const Affine<Wide<T>> function{static_cast<Wide<T>>(scale), static_cast<Wide<T>>(shift)};
    launch_map("affine", stream(), y.count(), function, y.data<T>(), x.data<T>());
  });
}

void OwnKernels::accumulate(const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    launch_map("accumulate", stream(), y.count(), Add{}, y.data<T>(),
               static_cast<const T*>(y.data<T>()), x.data<T>());
  });
}

void OwnKernels::unary(UnaryOp op, const Tensor& x, Tensor& y) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    launch_map("unary", stream(), y.count(), UnaryFunction<Wide<T>>{op}, y.data<T>(), x.data<T>());
  });
}

void OwnKernels::unary_backward(UnaryOp op, const Tensor& x, const Tensor& y, const Tensor& dy,
                                Tensor& dx) {
  dispatch_storage(x.dtype(), [&]<class T>(T) {
    launch_map("unary_backward", stream(), dx.count(), UnaryGradient<Wide<T>>{op}, dx.data<T>(),
               x.data<T>(), y.data<T>(), dy.data<T>());
  });
}

void OwnKernels::binary(BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y) {
  dispatch_storage(a.dtype(), [&]<class T>(T) {
    const BinaryFunction<Wide<T>> function{op};
    const T* left = a.data<T>();
    const T* right = b.data<T>();
    T* out = y.data<T>();
    if (b.shape() == a.shape()) {
      launch_map("binary", stream(), y.count(), function, out, left, right);
    } else if (b.count() == 1) {
      launch_map("binary", stream(), y.count(), BinaryWithScalar<T>{function, right}, out, left);
    } else {
      const int64_t columns = b.shape().back();
      const int64_t groups = b.count() / columns;
      const bool aligned =
          aligned_for_packs(left) && aligned_for_packs(right) && aligned_for_packs(out);
      launch_column_map<T>(
          "binary", stream(), groups, a.count() / b.count(), columns, aligned,
          ColumnBinary<T, BinaryFunction<Wide<T>>>{function, left, right, columns, out});
    }
  });
}

void OwnKernels::temperature(const Tensor& r, const TemperatureRange& range, Tensor& tau) {
  dispatch_arithmetic(r.dtype(), [&]<class T>(T) {
    launch_map("temperature", stream(), r.count(), Temperature<T>{TemperatureFormula<T>(range)},
               tau.data<T>(), r.data<T>());
  });
}

void OwnKernels::temperature_backward(const Tensor& r, const TemperatureRange& range,
                                      const Tensor& dtau, Tensor& dr) {
  dispatch_arithmetic(r.dtype(), [&]<class T>(T) {
    launch_map("temperature_backward", stream(), r.count(),
               TemperatureGradient<T>{TemperatureFormula<T>(range)}, dr.data<T>(), r.data<T>(),
               dtau.data<T>());
  });
}

void OwnKernels::moving_average(const Tensor& value, const Tensor& weights, Tensor& shadow) {
  dispatch_arithmetic(value.dtype(), [&]<class T>(T) {
    launch_map("moving_average", stream(), shadow.count(), WeightedSum<T>{weights.data<T>()},
               shadow.data<T>(), static_cast<const T*>(shadow.data<T>()), value.data<T>());
  });
}

}  // namespace amcl::cuda
