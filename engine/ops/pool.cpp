// Pooling of images [N, H, W, C].
//
//   max_pool             y[n,p,q,c] = max of x over the window of (p, q); padding never wins
//   global_average_pool  y[n,c] = mean of x[n,:,:,c]
//
//   argmax  [N, P, Q, C] i32    h * W + w of the first maximum in row-major order
//
// Backward.
//   max_pool             each dy goes to its argmax; windows that overlap add. Saved: argmax alone,
//                        so that neither x nor y is kept alive.
//   global_average_pool  dx = dy / (H W) everywhere. Nothing is saved.
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {

Tensor max_pool(const Tensor& x, const PoolSpec& spec) {
  check_floating("max_pool", "x", x);
  AMCL_CHECK(x.rank() == 4, "max_pool: x must be [N, H, W, C], got ", x.shape());
  AMCL_CHECK(spec.kernel >= 1 && spec.stride >= 1,
             "max_pool: kernel and stride must be at least 1, got kernel ", spec.kernel,
             ", stride ", spec.stride);
  // More padding would leave windows without a single element of x.
  AMCL_CHECK(spec.padding >= 0 && 2 * spec.padding <= spec.kernel,
             "max_pool: padding must be at most half the kernel, got padding ", spec.padding,
             ", kernel ", spec.kernel);
  AMCL_CHECK(
      x.dim(1) + 2 * spec.padding >= spec.kernel && x.dim(2) + 2 * spec.padding >= spec.kernel,
      "max_pool: kernel ", spec.kernel, " is larger than the image ", x.shape(), " with padding ",
      spec.padding);

  const Shape y_shape{x.dim(0), window_output(x.dim(1), spec.kernel, spec.stride, spec.padding),
                      window_output(x.dim(2), spec.kernel, spec.stride, spec.padding), x.dim(3)};
  Tensor y = Tensor::empty(x.device(), y_shape, x.dtype());
  Tensor argmax = Tensor::empty(x.device(), y_shape, DType::i32);
  backend_of(x).max_pool(x, spec, y, argmax);
  return tape::record("max_pool", {x}, y, [argmax, spec](const Tensor& dy, Grads& grads) {
    backend_of(dy).max_pool_backward(dy, argmax, spec, grads.out(0));
  });
}

Tensor global_average_pool(const Tensor& x) {
  check_floating("global_average_pool", "x", x);
  AMCL_CHECK(x.rank() == 4 && x.dim(1) * x.dim(2) > 0,
             "global_average_pool: x must be [N, H, W, C] with at least one place, got ",
             x.shape());
  Tensor y = Tensor::empty(x.device(), {x.dim(0), x.dim(3)}, x.dtype());
  backend_of(x).global_average_pool(x, y);
  return tape::record("global_average_pool", {x}, y, [](const Tensor& dy, Grads& grads) {
    backend_of(dy).global_average_pool_backward(dy, grads.out(0));
  });
}

}  // namespace amcl
