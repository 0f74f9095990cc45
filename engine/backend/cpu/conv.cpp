// Convolutions of the cpu backend: which algorithm computes which.
//
// The choice is a rule on shapes and on the CPU's features, never a measurement at run time, so that
// the same run has the same bits.
#include <hwy/targets.h>
#include <algorithm>

#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/direct_conv.h"
#include "engine/backend/cpu/winograd.h"

namespace amcl {
namespace {

enum class Algorithm { winograd, direct, onednn };

// Our own kernels are written for wide vectors; on a CPU without AVX2 oneDNN's are faster.
bool cpu_is_wide() {
  static const bool wide = (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3)) != 0;
  return wide;
}

// oneDNN 2.6.3 leaves parts of the weight gradient of strided 1 x 1 windows unset when channels are
// no multiple of 8.
bool onednn_is_sound(const ConvShape& shape) {
  return shape.rows * shape.columns > 1 || (shape.channels % 8 == 0 && shape.filters % 8 == 0);
}

// oneDNN 2.6.3 forgets the residual of some windows that lie beside the image, or are larger than it.
bool onednn_adds_residual(const ConvShape& shape) {
  return shape.padding < std::min(shape.rows, shape.columns) && shape.height >= shape.rows &&
         shape.width >= shape.columns;
}

Algorithm choose(ConvPass pass, const ConvShape& shape, ConvAlgorithm wish) {
  if (wish == ConvAlgorithm::winograd && winograd_fits(shape)) return Algorithm::winograd;
  if (!cpu_is_wide()) return Algorithm::onednn;
  // A quarter of the products, at errors near those of the direct sum (winograd.h). One core of Zen
  // 3, the convolutions of a step of ResNet-18, width 64, 128 images: 2.0 s, oneDNN's direct 6.3 s.
  if (wish == ConvAlgorithm::automatic && winograd_fits(shape) && winograd_pays(shape))
    return Algorithm::winograd;
  // Zen 3: with few products per pixel oneDNN is up to three times as fast (3 x 3 from 3 channels,
  // 1 x 1), with many ours is by a quarter (3 x 3 of stride 2 from 64 channels: 57 ms against 80).
  // Gradients of a large 1 x 1 filter are ours again: 256 to 1024 channels of 14 x 14, weight
  // gradient 75 GFLOP/s against 53; 512 to 2048 of 7 x 7, data gradient 84 against 74.
  constexpr int64_t kLargeFilter = 1 << 17;
  const bool point = shape.rows * shape.columns == 1;
  const bool large_gradient =
      pass != ConvPass::forward && shape.channels * shape.filters >= kLargeFilter;
  const bool few = shape.channels < 32 || (point && !large_gradient);
  return few && onednn_is_sound(shape) ? Algorithm::onednn : Algorithm::direct;
}

// Where the CPU has products of bf16, oneDNN's run on the tensors as they lie; elsewhere a bf16
// convolution goes by way of f32.
bool runs_in_bf16(const Tensor& activations, const ConvShape& shape) {
  return activations.dtype() == DType::bf16 && OneDnnConvolutions::multiplies_bf16() &&
         onednn_is_sound(shape);
}

}  // namespace

std::string describe_cpu_convolutions() {
  return cpu_is_wide()
             ? "Winograd F(4x4, 3x3) for 3 x 3 windows of stride 1, own direct products and "
               "oneDNN for the rest"
             : "oneDNN's direct ones (our own want AVX2)";
}

bool CpuBackend::convolve(const Tensor& x, const Tensor& w, const Conv2dSpec& spec,
                          const ConvEpilogue& epilogue, Tensor& y) {
  const ConvShape shape(x.shape(), w.shape(), y.shape(), spec);
  const bool sound = epilogue.nullable_residual == nullptr || onednn_adds_residual(shape);
  const bool bf16 = runs_in_bf16(x, shape) && sound;
  if (!bf16 && x.dtype() != DType::f32) return false;
  Algorithm algorithm =
      bf16 ? Algorithm::onednn : choose(ConvPass::forward, shape, conv_algorithm_);
  if (algorithm == Algorithm::onednn && !sound) algorithm = Algorithm::direct;
  switch (algorithm) {
    case Algorithm::winograd:
      winograd_forward(shape, x.data<float>(), w.data<float>(), epilogue, y.data<float>(),
                       scratch_);
      break;
    case Algorithm::direct:
      direct_forward(shape, x.data<float>(), w.data<float>(), epilogue, y.data<float>(), scratch_);
      break;
    case Algorithm::onednn:
      onednn_convolutions_.forward(shape, x.dtype(), x.raw(), w.raw(), epilogue, y.raw(), scratch_);
  }
  return true;
}

void CpuBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  if (!convolve(x, w, spec, /*epilogue=*/{}, y)) PlainBackend::conv2d(x, w, spec, y);
}

void CpuBackend::conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                              const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu,
                              Tensor& y) {
  if (x.dtype() != DType::f64 &&
      convolve(
          x, w, spec,
          {.nullable_bias = bias.data<float>(),
           .nullable_residual = nullable_residual.defined() ? nullable_residual.raw() : nullptr,
           .relu = relu},
          y))
    return;
  PlainBackend::conv2d_fused(x, w, bias, nullable_residual, spec, relu, y);
}

void CpuBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) {
  const ConvShape shape(dx.shape(), w.shape(), dy.shape(), spec);
  if (runs_in_bf16(dy, shape))
    return onednn_convolutions_.data_gradient(shape, DType::bf16, dy.raw(), w.raw(), dx.raw(),
                                              scratch_);
  if (dy.dtype() != DType::f32) return PlainBackend::conv2d_dx(dy, w, spec, dx);
  const float* dys = dy.data<float>();
  const float* ws = w.data<float>();
  float* dxs = dx.data<float>();
  switch (choose(ConvPass::data_gradient, shape, conv_algorithm_)) {
    case Algorithm::winograd:
      return winograd_data_gradient(shape, dys, ws, dxs, scratch_);
    case Algorithm::direct:
      return direct_data_gradient(shape, dys, ws, dxs, scratch_);
    case Algorithm::onednn:
      return onednn_convolutions_.data_gradient(shape, DType::f32, dys, ws, dxs, scratch_);
  }
}

void CpuBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) {
  const ConvShape shape(x.shape(), dw.shape(), dy.shape(), spec);
  if (runs_in_bf16(x, shape))
    return onednn_convolutions_.weight_gradient(shape, DType::bf16, x.raw(), dy.raw(), dw.raw(),
                                                scratch_);
  if (x.dtype() != DType::f32) return PlainBackend::conv2d_dw(x, dy, spec, dw);
  const float* xs = x.data<float>();
  const float* dys = dy.data<float>();
  float* dws = dw.data<float>();
  switch (choose(ConvPass::weight_gradient, shape, conv_algorithm_)) {
    case Algorithm::winograd:
      return winograd_weight_gradient(shape, xs, dys, dws, scratch_);
    case Algorithm::direct:
      return direct_weight_gradient(shape, xs, dys, dws, scratch_);
    case Algorithm::onednn:
      return onednn_convolutions_.weight_gradient(shape, DType::f32, xs, dys, dws, scratch_);
  }
}

}  // namespace amcl
