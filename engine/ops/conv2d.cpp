//   y[n,p,q,k] = sum_{r,s,c} x[n, p stride + r - padding, q stride + s - padding, c] w[k,r,s,c]
//
//   x  [N, H, W, C]    zero outside the image
//   w  [K, R, S, C]    (no bias: batch norm follows each convolution)
//   y  [N, P, Q, K]    P = (H + 2 padding - R) / stride + 1, rounded down; Q alike
//
// x and w may be bf16: sums are f32 and rounded once, and dw is f32, as the gradient of a parameter
// that was rounded (Parameter::tracked).
//
// Backward. The two gradients are kernels of their own at the seam, because a library that is
// handed "some convolution" has to guess which of the three it is:
//   dx = conv2d_dx(dy, w)    dw = conv2d_dw(x, dy)
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

// Where y goes, after a look at the operands.
Tensor make_output(const Tensor& x, const Tensor& w, const Conv2dSpec& spec) {
  check_same_kind("conv2d", "x", x, "w", w);
  AMCL_CHECK(x.rank() == 4 && w.rank() == 4,
             "conv2d: needs x [N, H, W, C] and w [K, R, S, C], got x ", x.shape(), ", w ",
             w.shape());
  AMCL_CHECK(x.dim(3) == w.dim(3), "conv2d: x has ", x.dim(3), " channels but the filter expects ",
             w.dim(3), ": x ", x.shape(), ", w ", w.shape(), " as [K, R, S, C]");
  AMCL_CHECK(spec.stride >= 1 && spec.padding >= 0,
             "conv2d: stride must be at least 1 and padding at least 0, got stride ", spec.stride,
             ", padding ", spec.padding);
  AMCL_CHECK(x.dim(1) + 2 * spec.padding >= w.dim(1) && x.dim(2) + 2 * spec.padding >= w.dim(2),
             "conv2d: the filter ", w.shape(), " is larger than the image ", x.shape(),
             " with padding ", spec.padding);

  const Shape y_shape{x.dim(0), window_output(x.dim(1), w.dim(1), spec.stride, spec.padding),
                      window_output(x.dim(2), w.dim(2), spec.stride, spec.padding), w.dim(0)};
  return Tensor::empty(x.device(), y_shape, x.dtype());
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec) {
  Tensor y = make_output(x, w, spec);
  backend_of(x).conv2d(x, w, spec, y);

  const Tensor saved_x = tape::tracks(w) ? x : Tensor{};
  const Tensor saved_w = tape::tracks(x) ? w : Tensor{};
  return tape::record("conv2d", {x, w}, y,
                      [saved_x, saved_w, spec](const Tensor& dy, Grads& grads) {
                        if (grads.wants(0))
                          backend_of(dy).conv2d_dx(dy, saved_w, spec, grads.out(0));
                        if (grads.wants(1))
                          backend_of(dy).conv2d_dw(saved_x, dy, spec, grads.out(1));
                      });
}

Tensor conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                    const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu) {
  Tensor y = make_output(x, w, spec);
  AMCL_CHECK(bias.shape() == Shape{w.dim(0)} && bias.dtype() == stat_dtype(x.dtype()),
             "conv2d_fused: bias must be ", stat_dtype(x.dtype()), " [", w.dim(0), "], got ",
             bias.dtype(), ' ', bias.shape());
  AMCL_CHECK(!nullable_residual.defined() ||
                 (nullable_residual.shape() == y.shape() && nullable_residual.dtype() == y.dtype()),
             "conv2d_fused: the residual must be ", y.dtype(), ' ', y.shape(), ", got ",
             nullable_residual.dtype(), ' ', nullable_residual.shape());
  for (const Tensor* operand : {&x, &w, &bias, &nullable_residual})
    AMCL_CHECK(!operand->defined() || !tape::tracks(*operand),
               "conv2d_fused: it has no gradient; use conv2d in training");
  backend_of(x).conv2d_fused(x, w, bias, nullable_residual, spec, relu, y);
  return y;
}

}  // namespace amcl
