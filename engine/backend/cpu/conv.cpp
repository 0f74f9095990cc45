// Convolutions of the cpu backend: which algorithm computes which.
//
// The choice is a rule on shapes and on the CPU's features, never a measurement at run time, so that
// the same run has the same bits.
#include <hwy/targets.h>

#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/direct_conv.h"
#include "engine/backend/cpu/winograd.h"

namespace amcl {
namespace {

// Our own kernels are written for wide vectors; on a CPU without AVX2 oneDNN's are faster.
bool own_kernels_pay() {
  static const bool wide = (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3)) != 0;
  return wide;
}

bool use_winograd(const ConvShape& shape) {
  return own_kernels_pay() && winograd_applies(shape);
}

}  // namespace

void CpuBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  if (x.dtype() != DType::f32) return PlainBackend::conv2d(x, w, spec, y);
  const ConvShape shape(x.shape(), w.shape(), y.shape(), spec);
  if (use_winograd(shape))
    return winograd_forward(shape, x.data<float>(), w.data<float>(), y.data<float>(), scratch_);
  if (own_kernels_pay())
    return direct_forward(shape, x.data<float>(), w.data<float>(), y.data<float>(), scratch_);
  onednn_convolutions_.forward(shape, x.data<float>(), w.data<float>(), y.data<float>(), scratch_);
}

void CpuBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) {
  if (dy.dtype() != DType::f32) return PlainBackend::conv2d_dx(dy, w, spec, dx);
  const ConvShape shape(dx.shape(), w.shape(), dy.shape(), spec);
  if (use_winograd(shape))
    return winograd_data_gradient(shape, dy.data<float>(), w.data<float>(), dx.data<float>(),
                                  scratch_);
  if (own_kernels_pay())
    return direct_data_gradient(shape, dy.data<float>(), w.data<float>(), dx.data<float>(),
                                scratch_);
  onednn_convolutions_.data_gradient(shape, dy.data<float>(), w.data<float>(), dx.data<float>(),
                                     scratch_);
}

void CpuBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) {
  if (x.dtype() != DType::f32) return PlainBackend::conv2d_dw(x, dy, spec, dw);
  const ConvShape shape(x.shape(), dw.shape(), dy.shape(), spec);
  if (use_winograd(shape))
    return winograd_weight_gradient(shape, x.data<float>(), dy.data<float>(), dw.data<float>(),
                                    scratch_);
  if (own_kernels_pay())
    return direct_weight_gradient(shape, x.data<float>(), dy.data<float>(), dw.data<float>(),
                                  scratch_);
  onednn_convolutions_.weight_gradient(shape, x.data<float>(), dy.data<float>(), dw.data<float>(),
                                       scratch_);
}

}  // namespace amcl
