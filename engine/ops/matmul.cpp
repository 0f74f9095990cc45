// C = op(A) op(B), op = transposition of the last two axes where the spec asks.
//
//   op(A)  [m, k] or [B, m, k]     a side without the batch axis is shared by the batch
//   op(B)  [k, n] or [B, k, n]
//   C      [m, n], or [B, m, n] if either side has the batch axis
//
// Backward. With G = dC:
//   dA = G op(B)^T,  or op(B) G^T where A was transposed
//   dB = op(A)^T G,  or G^T op(A) where B was transposed
// Each is again one product with other flags. The gradient of a shared side is the sum over the
// batch, which the kernel does where its output lacks the batch axis: no [B, m, k] is built.
#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

// Extents of op(x) along its last two axes.
struct Extents {
  int64_t rows;
  int64_t columns;

  Extents(const Tensor& x, bool transposed)
      : rows(x.dim(transposed ? -1 : -2)), columns(x.dim(transposed ? -2 : -1)) {}
};

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec) {
  check_same_kind("matmul", "a", a, "b", b);
  const auto matrices = [](const Tensor& x) { return x.rank() == 2 || x.rank() == 3; };
  AMCL_CHECK(matrices(a) && matrices(b), "matmul: each side must be [m, k] or [B, m, k], a is ",
             a.shape(), ", b is ", b.shape());
  const Extents left(a, spec.trans_a);
  const Extents right(b, spec.trans_b);
  const auto orientation = [](bool transposed) { return transposed ? " transposed" : ""; };
  AMCL_CHECK(left.columns == right.rows, "matmul: inner extents differ: a ", a.shape(),
             orientation(spec.trans_a), " has ", left.columns, ", b ", b.shape(),
             orientation(spec.trans_b), " has ", right.rows);
  AMCL_CHECK(a.rank() == 2 || b.rank() == 2 || a.dim(0) == b.dim(0),
             "matmul: batch extents differ: a ", a.shape(), ", b ", b.shape());

  const bool batched = a.rank() == 3 || b.rank() == 3;
  const int64_t batch = a.rank() == 3 ? a.dim(0) : b.dim(0);
  const Shape c_shape =
      batched ? Shape{batch, left.rows, right.columns} : Shape{left.rows, right.columns};
  Tensor c = Tensor::empty(a.device(), c_shape, a.dtype());
  backend_of(a).matmul(a, b, spec, c);

  const Tensor saved_a = tape::tracks(b) ? a : Tensor{};
  const Tensor saved_b = tape::tracks(a) ? b : Tensor{};
  return tape::record(
      "matmul", {a, b}, c, [saved_a, saved_b, spec](const Tensor& dc, Grads& grads) {
        const KernelCalls backend = backend_of(dc);
        if (grads.wants(0)) {
          if (spec.trans_a)
            backend.matmul(saved_b, dc, MatmulSpec{.trans_a = spec.trans_b, .trans_b = true},
                           grads.out(0));
          else
            backend.matmul(dc, saved_b, MatmulSpec{.trans_b = !spec.trans_b}, grads.out(0));
        }
        if (grads.wants(1)) {
          if (spec.trans_b)
            backend.matmul(dc, saved_a, MatmulSpec{.trans_a = true, .trans_b = spec.trans_a},
                           grads.out(1));
          else
            backend.matmul(saved_a, dc, MatmulSpec{.trans_a = !spec.trans_a}, grads.out(1));
        }
      });
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& nullable_bias) {
  AMCL_CHECK((x.rank() == 2 || x.rank() == 3) && (w.rank() == 2 || w.rank() == 3) &&
                 x.dim(-1) == w.dim(-1),
             "linear: needs x [M, in] or [C, M, in] and w [out, in] or [C, out, in], got x ",
             x.shape(), " and w ", w.shape());
  const Tensor y = matmul(x, w, {.trans_b = true});
  if (!nullable_bias.defined()) return y;
  const Shape shared{w.dim(-2)};
  const bool per_head = y.rank() == 3 && nullable_bias.shape() == Shape{y.dim(0), w.dim(-2)};
  AMCL_CHECK(nullable_bias.shape() == shared || per_head, "linear: the bias must be ", shared,
             " or one row per head to match w ", w.shape(), " and x ", x.shape(), ", got ",
             nullable_bias.shape());
  return add(y, nullable_bias);
}

}  // namespace amcl
