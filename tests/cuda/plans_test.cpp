// What the CUDA backend asks of cuBLASLt and cuDNN, done literally on the host: offsets, strides
// and dimensions of a plan are all that these loops know, and plain must give the same.
#include <doctest/doctest.h>

#include "engine/backend/cuda/alignment.h"
#include "engine/backend/cuda/conv_plan.h"
#include "engine/backend/cuda/product_plan.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

using namespace cuda;

// Element (row, column) of op(matrix) in a member of the batch.
int64_t place(const ColumnMajor& matrix, int64_t batch, int64_t row, int64_t column) {
  const int64_t stored_row = matrix.transposed ? column : row;
  const int64_t stored_column = matrix.transposed ? row : column;
  REQUIRE(stored_row < matrix.rows);
  REQUIRE(stored_column < matrix.columns);
  return matrix.offset + batch * matrix.batch_stride + stored_column * matrix.leading + stored_row;
}

void run(const ProductCall& call, const Tensor& a, const Tensor& b, Tensor& c) {
  const int64_t inner = call.first.transposed ? call.first.rows : call.first.columns;
  CHECK(inner == (call.second.transposed ? call.second.columns : call.second.rows));
  for (int64_t batch = 0; batch < call.batches; ++batch)
    for (int64_t row = 0; row < call.result.rows; ++row)
      for (int64_t column = 0; column < call.result.columns; ++column) {
        double& out = c.data<double>()[place(call.result, batch, row, column)];
        double sum = call.accumulate ? out : 0.0;
        for (int64_t k = 0; k < inner; ++k)
          sum += b.data<double>()[place(call.first, batch, row, k)] *
                 a.data<double>()[place(call.second, batch, k, column)];
        out = sum;
      }
}

Shape stored(int64_t batches, int64_t rows, int64_t columns, bool transposed) {
  const Shape plain = transposed ? Shape{columns, rows} : Shape{rows, columns};
  return batches == 0 ? plain : Shape{batches, plain[0], plain[1]};
}

TEST_CASE("cuda products: each call of a plan, done literally, gives the seam's matmul") {
  const int64_t m = 3;
  const int64_t n = 5;
  const int64_t k = 4;
  test::Rng rng(1);
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const int64_t batch_a : {0, 2})
        for (const int64_t batch_b : {0, 2})
          for (const int64_t batch_c : {0, 2}) {
            if (batch_c != 0 && batch_a + batch_b == 0) continue;
            const MatmulSpec spec{trans_a, trans_b};
            const Tensor a = rng.normal(test::plain(), stored(batch_a, m, k, trans_a));
            const Tensor b = rng.normal(test::plain(), stored(batch_b, k, n, trans_b));
            Tensor want = Tensor::zeros(test::plain(), stored(batch_c, m, n, false), DType::f64);
            Tensor got = Tensor::zeros(test::plain(), want.shape(), DType::f64);
            INFO(concat_text(a.shape(), trans_a ? "^T " : " ", b.shape(), trans_b ? "^T" : ""));
            test::plain().matmul(a, b, spec, want);
            for (const ProductCall& call : plan_product(a.shape(), b.shape(), spec, want.shape()))
              run(call, a, b, got);
            CHECK(test::difference(got, want, 1e-13) == "");
          }
}

TEST_CASE("cuda products: a sum over the batch is one call where the memory allows it") {
  CHECK(plan_product({7, 4, 3}, {7, 4, 5}, {.trans_a = true}, {3, 5}).size() == 1);
  CHECK(plan_product({7, 3, 4}, {7, 4, 5}, {}, {3, 5}).size() == 7);
}

TEST_CASE("cuda products: the alignment of several pointers is that of the worst, 16 at most") {
  alignas(64) const char memory[64] = {};
  CHECK(common_alignment({memory, memory + 32}) == 16);
  CHECK(common_alignment({memory, memory + 8, memory + 12}) == 4);
  CHECK(common_alignment({memory + 1, memory}) == 1);
}

int64_t at(const ConvTensor& tensor, int64_t n, int64_t c, int64_t h, int64_t w) {
  const auto& d = tensor.dimensions;
  REQUIRE((n < d[0] && c < d[1] && h < d[2] && w < d[3]));
  const auto& s = tensor.strides;
  return n * s[0] + c * s[1] + h * s[2] + w * s[3];
}

// Calls body(offset in x, offset in w, offset in y) for each product of the convolution.
template <class Body>
void for_each_product(const ConvPlan& plan, Body&& body) {
  const auto& y = plan.y.dimensions;
  const auto& w = plan.w.dimensions;
  const auto& x = plan.x.dimensions;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < y[1]; ++k)
      for (int64_t p = 0; p < y[2]; ++p)
        for (int64_t q = 0; q < y[3]; ++q)
          for (int64_t c = 0; c < w[1]; ++c)
            for (int64_t r = 0; r < w[2]; ++r)
              for (int64_t s = 0; s < w[3]; ++s) {
                const int64_t row = p * plan.stride[0] - plan.padding[0] + r * plan.dilation[0];
                const int64_t column = q * plan.stride[1] - plan.padding[1] + s * plan.dilation[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                body(at(plan.x, n, c, row, column), at(plan.w, k, c, r, s), at(plan.y, n, k, p, q));
              }
}

TEST_CASE("cuda convolutions: each plan, done literally, gives the seam's convolution") {
  struct Window {
    Shape x;
    Shape w;
    Conv2dSpec spec;
  };
  test::Rng rng(2);
  for (const Window& window : {Window{{2, 6, 5, 3}, {4, 3, 3, 3}, {.stride = 1, .padding = 1}},
                               Window{{1, 7, 9, 2}, {3, 3, 2, 2}, {.stride = 2, .padding = 1}},
                               Window{{2, 4, 4, 5}, {2, 1, 1, 5}, {.stride = 2}}}) {
    const auto out = [&](int axis) {
      return window_output(window.x[axis], window.w[axis], window.spec.stride, window.spec.padding);
    };
    const Shape y_shape{window.x[0], out(1), out(2), window.w[0]};
    const Tensor x = rng.normal(test::plain(), window.x);
    const Tensor w = rng.normal(test::plain(), window.w);
    const Tensor dy = rng.normal(test::plain(), y_shape);
    const auto plan_of = [&](ConvPass pass) {
      return plan_convolution(pass, window.x, window.w, y_shape, window.spec, DType::f64);
    };
    const auto check = [&](const Shape& shape, auto&& literal, auto&& seam) {
      Tensor got = Tensor::zeros(test::plain(), shape, DType::f64);
      Tensor want = Tensor::zeros(test::plain(), shape, DType::f64);
      literal(got.data<double>());
      seam(want);
      CHECK(test::difference(got, want, 1e-12) == "");
    };
    const double* xs = x.data<double>();
    const double* ws = w.data<double>();
    const double* dys = dy.data<double>();
    check(
        y_shape,
        [&](double* y) {
          for_each_product(plan_of(ConvPass::forward), [&](int64_t in, int64_t weight, int64_t to) {
            y[to] += xs[in] * ws[weight];
          });
        },
        [&](Tensor& y) { test::plain().conv2d(x, w, window.spec, y); });
    check(
        window.x,
        [&](double* dx) {
          for_each_product(
              plan_of(ConvPass::input_gradient),
              [&](int64_t in, int64_t weight, int64_t to) { dx[in] += dys[to] * ws[weight]; });
        },
        [&](Tensor& dx) { test::plain().conv2d_dx(dy, w, window.spec, dx); });
    check(
        window.w,
        [&](double* dw) {
          for_each_product(
              plan_of(ConvPass::filter_gradient),
              [&](int64_t in, int64_t weight, int64_t to) { dw[weight] += dys[to] * xs[in]; });
        },
        [&](Tensor& dw) { test::plain().conv2d_dw(x, dy, window.spec, dw); });
  }
}

TEST_CASE("cuda convolutions: types and names of plans") {
  const auto plan = [](ConvPass pass, int64_t stride, DType dtype) {
    return plan_convolution(pass, {8, 32, 32, 64}, {128, 3, 3, 64}, {8, 16, 16, 128},
                            {.stride = stride, .padding = 1}, dtype);
  };
  const ConvPlan gradient = plan(ConvPass::filter_gradient, 2, DType::bf16);
  CHECK(gradient.x.dtype == DType::bf16);
  CHECK(gradient.w.dtype == DType::f32);  // goes to the parameter's gradient memory
  CHECK(plan(ConvPass::forward, 2, DType::bf16).w.dtype == DType::bf16);
  CHECK(describe(gradient) ==
        "conv2d_dw:x=8x64x32x32-bf16,w=128x64x3x3-f32,y=8x128x16x16-bf16,stride=2,padding=1");
  CHECK(plan(ConvPass::forward, 2, DType::f32) == plan(ConvPass::forward, 2, DType::f32));
  CHECK(plan(ConvPass::forward, 1, DType::f32) != plan(ConvPass::forward, 2, DType::f32));
}

}  // namespace
}  // namespace amcl
