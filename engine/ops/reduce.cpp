// Sums and means.
//
//   sum, mean            x [...]     -> y [1]       over all elements
//   sum_rows, mean_rows  x [..., n]  -> y [...]     over the last axis; a vector gives [1]
//
// Backward: each of the n elements behind an output receives dy (sum) or dy / n (mean).
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

// Reduces x, seen as [rows, n], along n.
Tensor reduce(const char* name, Reduction op, const Tensor& x, int64_t rows, const Shape& y_shape) {
  check_floating(name, "x", x);
  AMCL_CHECK(x.count() > 0, name, ": x has no elements, its shape is ", x.shape());
  const Shape as_rows{rows, x.count() / rows};
  Tensor y = Tensor::empty(x.device(), {rows}, x.dtype());
  backend_of(x).reduce_rows(op, x.view(as_rows), y);
  const double factor = op == Reduction::mean ? 1.0 / static_cast<double>(as_rows[1]) : 1.0;
  return tape::record(name, {x}, y.view(y_shape),
                      [as_rows, factor](const Tensor& dy, Grads& grads) {
                        Tensor dx = grads.out(0).view(as_rows);
                        backend_of(dy).broadcast_rows(dy.view({as_rows[0]}), factor, dx);
                      });
}

Tensor reduce_last_axis(const char* name, Reduction op, const Tensor& x) {
  AMCL_CHECK(x.rank() >= 1, name, ": x must be [..., n], got ", x.shape());
  const Shape y_shape = x.rank() == 1 ? Shape{1} : x.shape().without_last();
  return reduce(name, op, x, x.shape().rows(), y_shape);
}

}  // namespace

Tensor sum(const Tensor& x) {
  return reduce("sum", Reduction::sum, x, 1, {1});
}

Tensor mean(const Tensor& x) {
  return reduce("mean", Reduction::mean, x, 1, {1});
}

Tensor sum_rows(const Tensor& x) {
  return reduce_last_axis("sum_rows", Reduction::sum, x);
}

Tensor mean_rows(const Tensor& x) {
  return reduce_last_axis("mean_rows", Reduction::mean, x);
}

}  // namespace amcl
