// Elementwise functions. x, y have one shape; in y = a op b the side b may be smaller:
//
//   a [...]        b [...]   element by element
//   a [...]        b [1]     one number for all (any shape with one element)
//   a [..., n]     b [n]     one per column
//   a [B, M, n]    b [B, n]  one per column of each batch
//
// Backward. With red(g) the sum of g over the places that share an element of b:
//   a + b        da = dy         db = red(dy)
//   a - b        da = dy         db = -red(dy)
//   a * b        da = dy * b     db = red(dy * a)
//   s x + t      dx = s dy
//   relu         dx = dy where y > 0, else 0 (0 at 0)
//   exp          dx = dy y
//   log          dx = dy / x
//   sigmoid      dx = dy y (1 - y)
//   reciprocal   dx = -dy y^2
//   square       dx = 2 x dy
//   cos          dx = -dy sin(x)
//   sin          dx = dy cos(x)
//   cast         dx = dy, cast back
//   temperature  dr = -(high - low) sg (1 - sg) dtau,  sg = sigmoid(-(r + bias))      (spec S3.6)
//
// What is saved: y where the derivative can be had from it, because the next op keeps y alive
// anyway; else x.
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

void check_broadcast(const char* op, const Tensor& a, const Tensor& b) {
  check_same_kind(op, "a", a, "b", b);
  const Shape& s = b.shape();
  const bool per_column = s.rank() == 1 && a.rank() >= 1 && s[0] == a.shape().back();
  const bool per_batch_column =
      s.rank() == 2 && a.rank() == 3 && s[0] == a.dim(0) && s[1] == a.dim(2);
  AMCL_CHECK(
      s == a.shape() || s.count() == 1 || per_column || per_batch_column, op,
      ": b must be shaped as a, hold one element, or be [n] or [B, n] for a [B, M, n]; a is ",
      a.shape(), ", b is ", s);
}

// red(g) into db, shaped as b.
void sum_to(const Tensor& g, Tensor& db) {
  const KernelCalls backend = backend_of(g);
  if (db.count() == 1) {
    Tensor total = db.view({1});
    backend.reduce_rows(Reduction::sum, g.view({1, g.count()}), total);
  } else {
    backend.reduce_columns(Reduction::sum, g, db);
  }
}

Tensor add_or_subtract(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  check_broadcast(name, a, b);
  Tensor y = Tensor::empty_like(a);
  backend_of(a).binary(op, a, b, y);
  const double sign = op == BinaryOp::add ? 1.0 : -1.0;
  const bool same_shape = a.shape() == b.shape();
  return tape::record(name, {a, b}, y, [sign, same_shape](const Tensor& dy, Grads& grads) {
    grads.pass(0, dy);
    if (!grads.wants(1)) return;
    if (same_shape && sign > 0.0) {
      grads.pass(1, dy);
    } else if (same_shape) {
      backend_of(dy).affine(dy, sign, 0.0, grads.out(1));
    } else if (sign > 0.0) {
      sum_to(dy, grads.out(1));
    } else {
      Tensor sum = Tensor::empty_like(grads.out(1));
      sum_to(dy, sum);
      backend_of(dy).affine(sum, sign, 0.0, grads.out(1));
    }
  });
}

// Whether the derivative is had from x; else from y.
bool derivative_reads_x(UnaryOp op) {
  return op == UnaryOp::log || op == UnaryOp::square || op == UnaryOp::cos || op == UnaryOp::sin;
}

Tensor unary(const char* name, UnaryOp op, const Tensor& x) {
  check_floating(name, "x", x);
  Tensor y = Tensor::empty_like(x);
  backend_of(x).unary(op, x, y);
  const Tensor saved = derivative_reads_x(op) ? x : y;
  return tape::record(name, {x}, y, [op, saved](const Tensor& dy, Grads& grads) {
    backend_of(dy).unary_backward(op, saved, saved, dy, grads.out(0));
  });
}

Tensor affine_as(const char* name, const Tensor& x, double factor, double shift) {
  check_floating(name, "x", x);
  Tensor y = Tensor::empty_like(x);
  backend_of(x).affine(x, factor, shift, y);
  return tape::record(name, {x}, y, [factor](const Tensor& dy, Grads& grads) {
    backend_of(dy).affine(dy, factor, 0.0, grads.out(0));
  });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return add_or_subtract("add", BinaryOp::add, a, b);
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  return add_or_subtract("subtract", BinaryOp::subtract, a, b);
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  check_broadcast("multiply", a, b);
  Tensor y = Tensor::empty_like(a);
  backend_of(a).binary(BinaryOp::multiply, a, b, y);
  const Tensor saved_a = tape::tracks(b) ? a : Tensor{};
  const Tensor saved_b = tape::tracks(a) ? b : Tensor{};
  return tape::record("multiply", {a, b}, y, [saved_a, saved_b](const Tensor& dy, Grads& grads) {
    const KernelCalls backend = backend_of(dy);
    if (grads.wants(0)) backend.binary(BinaryOp::multiply, dy, saved_b, grads.out(0));
    if (!grads.wants(1)) return;
    if (grads.out(1).shape() == dy.shape()) {
      backend.binary(BinaryOp::multiply, dy, saved_a, grads.out(1));
    } else {
      Tensor product = Tensor::empty_like(dy);
      backend.binary(BinaryOp::multiply, dy, saved_a, product);
      sum_to(product, grads.out(1));
    }
  });
}

Tensor affine(const Tensor& x, double scale, double shift) {
  return affine_as("affine", x, scale, shift);
}

Tensor scale(const Tensor& x, double factor) {
  return affine_as("scale", x, factor, 0.0);
}

Tensor relu(const Tensor& x) {
  return unary("relu", UnaryOp::relu, x);
}

Tensor exp(const Tensor& x) {
  return unary("exp", UnaryOp::exp, x);
}

Tensor log(const Tensor& x) {
  return unary("log", UnaryOp::log, x);
}

Tensor sigmoid(const Tensor& x) {
  return unary("sigmoid", UnaryOp::sigmoid, x);
}

Tensor reciprocal(const Tensor& x) {
  return unary("reciprocal", UnaryOp::reciprocal, x);
}

Tensor square(const Tensor& x) {
  return unary("square", UnaryOp::square, x);
}

Tensor cos(const Tensor& x) {
  return unary("cos", UnaryOp::cos, x);
}

Tensor sin(const Tensor& x) {
  return unary("sin", UnaryOp::sin, x);
}

Tensor cast(const Tensor& x, DType dtype) {
  check_floating("cast", "x", x);
  AMCL_CHECK(is_floating(dtype), "cast: to f64, f32 or bf16 only, asked for ", dtype, " of x ",
             x.shape());
  if (dtype == x.dtype()) return x;
  Tensor y = Tensor::empty(x.device(), x.shape(), dtype);
  backend_of(x).cast(x, y);
  return tape::record("cast", {x}, y, [](const Tensor& dy, Grads& grads) {
    backend_of(dy).cast(dy, grads.out(0));
  });
}

Tensor temperature(const Tensor& r, const TemperatureRange& range) {
  check_floating("temperature", "r", r);
  AMCL_CHECK(0.0 < range.low && range.low < range.high,
             "temperature: needs 0 < low < high, got low = ", range.low, ", high = ", range.high,
             " for scores ", r.shape());
  Tensor tau = Tensor::empty_like(r);
  backend_of(r).temperature(r, range, tau);
  return tape::record("temperature", {r}, tau, [r, range](const Tensor& dtau, Grads& grads) {
    backend_of(dtau).temperature_backward(r, range, dtau, grads.out(0));
  });
}

}  // namespace amcl
