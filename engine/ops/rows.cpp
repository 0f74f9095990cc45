// Rows of [..., d] and columns of [C, N, d]. With n = |x| of a row, p = softmax(x):
//
//   l2_normalize         u = x / n;               dx = (du - u (u . du)) / n
//                        A row with n <= epsilon gives u = 0 and dx = 0: the usual
//                        x / max(n, epsilon) would multiply the gradient of a zero row by 1e12
//                        (spec S1.1).
//   row_dot              y = a . b;               da = dy b, db = dy a
//   log_sum_exp          y = log sum exp(x);      dx = dy p
//   log_softmax          y = x - log sum exp(x);  dx = dy - p sum(dy)
//   cross_entropy        y = mean_r(log sum exp(x_r) - x_r[t_r]);  dx_r = dy (p_r - [j = t_r]) / R
//   standardize_columns  xs = (x - mean) rstd, rstd = 1 / sqrt(sum (x - mean)^2 / (N - ddof) + eps)
//                        dx = rstd (dxs - mean(dxs) - xs sum(dxs xs) / (N - ddof))
//                        (spec S2.4)
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

void check_rows(const char* op, const Tensor& x) {
  AMCL_CHECK(x.rank() >= 1 && x.shape().back() >= 1, op, ": x must be rows [..., d], got ",
             x.shape());
  AMCL_CHECK(x.dtype() == DType::f32 || x.dtype() == DType::f64, op, ": x must be f32 or f64, got ",
             x.dtype());
}

// One value for each row of x; a vector is one row.
Tensor row_values(const Tensor& x) {
  const Shape shape = x.rank() == 1 ? Shape{1} : x.shape().without_last();
  return Tensor::empty(x.device(), shape, x.dtype());
}

}  // namespace

Tensor l2_normalize(const Tensor& x, double epsilon) {
  check_rows("l2_normalize", x);
  AMCL_CHECK(epsilon >= 0.0, "l2_normalize: epsilon must not be negative, got ", epsilon);
  Tensor u = Tensor::empty_like(x);
  Tensor norm = row_values(x);
  backend_of(x).l2_normalize(x, epsilon, u, norm);
  return tape::record("l2_normalize", {x}, u, [u, norm, epsilon](const Tensor& du, Grads& grads) {
    backend_of(u).l2_normalize_backward(u, norm, epsilon, du, grads.out(0));
  });
}

Tensor row_dot(const Tensor& a, const Tensor& b) {
  check_rows("row_dot", a);
  check_same_kind("row_dot", "a", a, "b", b);
  AMCL_CHECK(a.shape() == b.shape(), "row_dot: a and b must have one shape, got ", a.shape(),
             " and ", b.shape());
  Tensor y = row_values(a);
  backend_of(a).row_dot(a, b, y);
  return tape::record("row_dot", {a, b}, y, [a, b](const Tensor& dy, Grads& grads) {
    if (grads.wants(0)) backend_of(a).scale_rows(b, dy, grads.out(0));
    if (grads.wants(1)) backend_of(a).scale_rows(a, dy, grads.out(1));
  });
}

Tensor log_sum_exp(const Tensor& x) {
  check_rows("log_sum_exp", x);
  Tensor y = row_values(x);
  backend_of(x).log_sum_exp(x, y);
  return tape::record("log_sum_exp", {x}, y, [x, y](const Tensor& dy, Grads& grads) {
    backend_of(x).log_sum_exp_backward(x, y, dy, grads.out(0));
  });
}

Tensor log_softmax(const Tensor& x) {
  check_rows("log_softmax", x);
  Tensor y = Tensor::empty_like(x);
  backend_of(x).log_softmax(x, y);
  return tape::record("log_softmax", {x}, y, [y](const Tensor& dy, Grads& grads) {
    backend_of(y).log_softmax_backward(y, dy, grads.out(0));
  });
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target) {
  check_rows("cross_entropy", logits);
  AMCL_CHECK(logits.rank() == 2 && logits.dim(0) >= 1,
             "cross_entropy: logits must be [rows, classes] with at least one row, got ",
             logits.shape());
  AMCL_CHECK(target.dtype() == DType::i32 && target.shape() == Shape{logits.dim(0)},
             "cross_entropy: target must be i32 ", Shape{logits.dim(0)}, " to match logits ",
             logits.shape(), ", got ", target.dtype(), " ", target.shape());
  const int64_t rows = logits.dim(0);
  Tensor losses = Tensor::empty(logits.device(), {rows}, logits.dtype());
  backend_of(logits).cross_entropy(logits, target, losses);
  Tensor mean = Tensor::empty(logits.device(), {1}, logits.dtype());
  backend_of(logits).reduce_rows(Reduction::mean, losses, mean);
  return tape::record(
      "cross_entropy", {logits}, mean, [logits, target, rows](const Tensor& dy, Grads& grads) {
        Tensor dlosses = Tensor::empty(logits.device(), {1, rows}, logits.dtype());
        backend_of(logits).broadcast_rows(dy, 1.0 / static_cast<double>(rows), dlosses);
        backend_of(logits).cross_entropy_backward(logits, target, dlosses.view({rows}),
                                                  grads.out(0));
      });
}

Tensor standardize_columns(const Tensor& x, int64_t ddof, double epsilon) {
  check_rows("standardize_columns", x);
  AMCL_CHECK(x.rank() == 3, "standardize_columns: x must be [heads, N, d], got ", x.shape());
  AMCL_CHECK(ddof >= 0 && x.dim(1) > ddof,
             "standardize_columns: the divisor N - ddof must be at least 1, got N = ", x.dim(1),
             " and ddof = ", ddof);
  AMCL_CHECK(epsilon > 0.0, "standardize_columns: epsilon must be positive, got ", epsilon);
  Tensor xs = Tensor::empty_like(x);
  Tensor rstd = Tensor::empty(x.device(), {x.dim(0), x.dim(2)}, x.dtype());
  backend_of(x).standardize_columns(x, ddof, epsilon, xs, rstd);
  return tape::record(
      "standardize_columns", {x}, xs, [xs, rstd, ddof](const Tensor& dxs, Grads& grads) {
        backend_of(xs).standardize_columns_backward(xs, rstd, ddof, dxs, grads.out(0));
      });
}

}  // namespace amcl
