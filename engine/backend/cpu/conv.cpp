// Convolutions of the cpu backend.
#include "engine/backend/cpu/cpu_backend.h"

namespace amcl {

void CpuBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  if (x.dtype() != DType::f32) return PlainBackend::conv2d(x, w, spec, y);
  const ConvShape shape(x.shape(), w.shape(), y.shape(), spec);
  onednn_convolutions_.forward(shape, x.data<float>(), w.data<float>(), y.data<float>(), scratch_);
}

void CpuBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) {
  if (dy.dtype() != DType::f32) return PlainBackend::conv2d_dx(dy, w, spec, dx);
  const ConvShape shape(dx.shape(), w.shape(), dy.shape(), spec);
  onednn_convolutions_.data_gradient(shape, dy.data<float>(), w.data<float>(), dx.data<float>(),
                                     scratch_);
}

void CpuBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) {
  if (x.dtype() != DType::f32) return PlainBackend::conv2d_dw(x, dy, spec, dw);
  const ConvShape shape(x.shape(), dw.shape(), dy.shape(), spec);
  onednn_convolutions_.weight_gradient(shape, x.data<float>(), dy.data<float>(), dw.data<float>(),
                                       scratch_);
}

}  // namespace amcl
