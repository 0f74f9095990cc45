// The own kernels of the CUDA backend in each type of storage, bf16 among them, which the table of
// ops does not reach: against plain f64 at the same, rounded, point.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/cuda/emulated_pair.h"

namespace amcl {
namespace {

using test::EmulatedPair;
using test::Twin;

const std::vector<DType>& storage_types() {
  static const std::vector<DType> types{DType::bf16, DType::f32, DType::f64};
  return types;
}

TEST_CASE("cuda kernels: elementwise functions in every storage type") {
  for (const DType dtype : storage_types())
    for (const int64_t count : {1, 7, 64, 1031}) {
      INFO(concat_text(dtype, ' ', count));
      EmulatedPair pair(dtype, 1);
      Twin x = pair.normal({count});
      Twin dy = pair.normal({count});
      Twin y = pair.empty({count});
      Twin dx = pair.empty({count});
      for (const UnaryOp op : {UnaryOp::relu, UnaryOp::exp, UnaryOp::sigmoid, UnaryOp::square,
                               UnaryOp::cos, UnaryOp::sin}) {
        pair.run([&](Backend& on, auto side) { on.unary(op, side(x), side(y)); });
        pair.check(y);
        // At the same y: what rounding it does to the gradient is not this kernel's.
        y.want = Tensor::from_host<double>(test::plain(), {count}, y.got.to_host<double>());
        pair.run([&](Backend& on, auto side) {
          on.unary_backward(op, side(x), side(y), side(dy), side(dx));
        });
        pair.check(dx);
      }
      for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply}) {
        pair.run([&](Backend& on, auto side) { on.binary(op, side(x), side(dy), side(y)); });
        pair.check(y);
      }
      pair.run([&](Backend& on, auto side) { on.affine(side(x), 0.5, -1.0, side(y)); });
      pair.check(y);
      pair.run([&](Backend& on, auto side) { on.accumulate(side(x), side(y)); });
      pair.check(y);
      pair.run([&](Backend& on, auto side) { on.fill(side(y), 0.25); });
      pair.check(y);
    }
}

TEST_CASE("cuda kernels: cast between all types, and rounding as on the host") {
  emulation::EmulatedBackend backend(3);
  test::Rng rng(5);
  const std::vector<double> values = rng.normal(test::plain(), {1003}).to_host<double>();
  for (const DType from : storage_types())
    for (const DType to : storage_types()) {
      const Tensor x = Tensor::from_host<double>(backend, {1003}, values, from);
      Tensor y = Tensor::empty(backend, {1003}, to);
      backend.cast(x, y);
      const Tensor want = Tensor::from_host<double>(backend, {1003}, x.to_host<double>(), to);
      CHECK(y.to_host<double>() == want.to_host<double>());
    }
}

// So that whoever compares NaNs by their bits finds out here.
TEST_CASE("cuda kernels: a NaN of bf16 has the bits that a GPU gives it, not those of the host") {
  emulation::EmulatedBackend backend(3);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from_host<float>(backend, {2}, std::vector<float>{nan, -nan});
  Tensor y = Tensor::empty(backend, {2}, DType::bf16);
  backend.cast(x, y);
  for (const bf16 value : y.to_host<bf16>()) {
    CHECK(value.bits == 0x7fff);
    CHECK(bf16(nan).bits != value.bits);
  }
}

TEST_CASE("cuda kernels: elements that are not aligned to 16 bytes") {
  for (const DType dtype : storage_types())
    for (const int64_t first : {1, 2, 3}) {
      EmulatedPair pair(dtype, 2);
      Twin x = pair.normal({40, 1});
      Twin y = pair.empty({40, 1});
      Tensor part = y.got.slice(first, 37);
      pair.emulated().affine(x.got.slice(first, 37), 2.0, 0.0, part);
      Tensor want = y.want.slice(first, 37);
      test::plain().affine(x.want.slice(first, 37), 2.0, 0.0, want);
      pair.check({part, want});
    }
}

TEST_CASE("cuda kernels: reductions, broadcasts and transposition in every storage type") {
  for (const DType dtype : storage_types())
    for (const Shape& shape :
         {Shape{1, 1, 1}, Shape{2, 9, 5}, Shape{3, 131, 64}, Shape{1, 3, 2050}}) {
      INFO(concat_text(dtype, ' ', shape));
      EmulatedPair pair(dtype, 3);
      Twin x = pair.normal(shape);
      Twin rows = pair.empty({shape[0], shape[1]});
      Twin columns = pair.empty({shape[0], shape[2]});
      Twin y = pair.empty(shape);
      for (const Reduction op : {Reduction::sum, Reduction::mean}) {
        pair.run([&](Backend& on, auto side) { on.reduce_rows(op, side(x), side(rows)); });
        pair.check(rows);
        pair.run([&](Backend& on, auto side) { on.reduce_columns(op, side(x), side(columns)); });
        pair.check(columns);
      }
      Twin factors = pair.normal({shape[0], shape[1]});
      pair.run([&](Backend& on, auto side) { on.scale_rows(side(x), side(factors), side(y)); });
      pair.check(y);
      pair.run([&](Backend& on, auto side) { on.broadcast_rows(side(factors), 0.5, side(y)); });
      pair.check(y);
      Twin turned = pair.empty({shape[0], shape[2], shape[1]});
      pair.run([&](Backend& on, auto side) { on.transpose(side(x), side(turned)); });
      pair.check(turned);
    }
}

struct BatchNormCase {
  Shape x;
  BatchNormSpec spec;
  bool residual;
};

void check_batch_norm(DType dtype, const BatchNormCase& test_case) {
  INFO(concat_text(dtype, ' ', test_case.x, ", groups ", test_case.spec.groups));
  EmulatedPair pair(dtype, 4);
  const BatchNormSpec& spec = test_case.spec;
  const int64_t channels = test_case.x.back();
  const Shape per_group{spec.groups, channels};
  Twin x = pair.normal(test_case.x);
  Twin residual = test_case.residual ? pair.normal(test_case.x) : Twin{};
  Twin gamma = pair.positive_statistic({channels});
  Twin beta = pair.normal_statistic({channels});
  Twin mean = pair.empty_statistic(per_group);
  Twin variance = pair.empty_statistic(per_group);
  pair.run([&](Backend& on, auto side) {
    on.batch_norm_statistics(side(x), spec, side(mean), side(variance));
  });
  pair.check(mean);
  pair.check(variance);
  Twin y = pair.empty(test_case.x);
  pair.run([&](Backend& on, auto side) {
    on.batch_norm_apply(side(x), side(mean), side(variance), side(gamma), side(beta),
                        side(residual), spec, side(y));
  });
  pair.check(y);
  // The backward pass at the same y, so that both sides have the same mask.
  y.want = Tensor::from_host<double>(test::plain(), test_case.x, y.got.to_host<double>());
  Twin dy = pair.normal(test_case.x);
  Twin sum_g = pair.empty_statistic(per_group);
  Twin sum_g_xhat = pair.empty_statistic(per_group);
  pair.run([&](Backend& on, auto side) {
    on.batch_norm_backward_reduce(side(dy), side(x), side(y), side(mean), side(variance), spec,
                                  side(sum_g), side(sum_g_xhat));
  });
  pair.check(sum_g);
  pair.check(sum_g_xhat);
  Twin dx = pair.empty(test_case.x);
  Twin dresidual = test_case.residual ? pair.empty(test_case.x) : Twin{};
  pair.run([&](Backend& on, auto side) {
    on.batch_norm_backward_apply(side(dy), side(x), side(y), side(mean), side(variance),
                                 side(gamma), side(sum_g), side(sum_g_xhat), spec, side(dx),
                                 side(dresidual));
  });
  pair.check(dx);
  if (test_case.residual) pair.check(dresidual);
}

TEST_CASE("cuda kernels: batch norm both ways in every storage type") {
  for (const DType dtype : storage_types()) {
    check_batch_norm(dtype, {{2, 3, 5, 7}, {.groups = 2, .relu = true}, true});
    check_batch_norm(dtype, {{8, 9, 9, 16}, {.groups = 1, .relu = true}, true});
    check_batch_norm(dtype, {{4, 33, 16, 40}, {.groups = 4}, false});
    check_batch_norm(dtype, {{70, 264}, {.groups = 2, .relu = true}, false});
  }
}

TEST_CASE("cuda kernels: the variance does not cancel beside a large mean") {
  EmulatedPair pair(DType::f32, 6);
  Twin x = pair.normal({4096, 4});
  pair.run([&](Backend& on, auto side) { on.affine(side(x), 1.0, 1000.0, side(x)); });
  x.want = Tensor::from_host<double>(test::plain(), {4096, 4}, x.got.to_host<double>());
  Twin mean = pair.empty_statistic({1, 4});
  Twin variance = pair.empty_statistic({1, 4});
  pair.run([&](Backend& on, auto side) {
    on.batch_norm_statistics(side(x), {}, side(mean), side(variance));
  });
  CHECK(test::difference(mean.got, mean.want, 1e-6) == "");
  CHECK(test::difference(variance.got, variance.want, 1e-4) == "");
}

TEST_CASE("cuda kernels: NaN stays NaN through relu, batch norm with relu, and max-pool") {
  for (const DType dtype : storage_types()) {
    emulation::EmulatedBackend backend(4);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto tensor = [&](const Shape& shape, const std::vector<double>& values, DType type) {
      return Tensor::from_host<double>(backend, shape, values, type);
    };
    const Tensor x = tensor({1, 2, 2, 1}, {-1, nan, 3, 2}, dtype);
    Tensor y = Tensor::empty(backend, x.shape(), dtype);
    const auto expect_nan_second = [&] {
      const std::vector<double> values = y.to_host<double>();
      CHECK(values[0] == 0.0);
      CHECK(std::isnan(values[1]));
      CHECK(values[2] == 3.0);
    };
    backend.unary(UnaryOp::relu, x, y);
    expect_nan_second();
    const Tensor zero = tensor({1, 1}, {0}, stat_dtype(dtype));
    const Tensor one = tensor({1, 1}, {1}, stat_dtype(dtype));
    backend.batch_norm_apply(x, zero, one, one.view({1}), zero.view({1}), {},
                             {.epsilon = 0.0, .relu = true}, y);
    expect_nan_second();
    Tensor pooled = Tensor::empty(backend, {1, 1, 1, 1}, dtype);
    Tensor argmax = Tensor::empty(backend, {1, 1, 1, 1}, DType::i32);
    backend.max_pool(x, {.kernel = 2, .stride = 2}, pooled, argmax);
    CHECK(std::isnan(pooled.item()));
    CHECK(argmax.item() == 1);
  }
}

TEST_CASE("cuda kernels: pooling both ways in every storage type") {
  struct Pooling {
    Shape x;
    PoolSpec spec;
  };
  for (const DType dtype : storage_types())
    for (const Pooling& pooling : {Pooling{{2, 7, 9, 8}, {.kernel = 3, .stride = 2, .padding = 1}},
                                   Pooling{{1, 4, 6, 5}, {.kernel = 2, .stride = 2}},
                                   Pooling{{2, 5, 5, 3}, {.kernel = 3, .stride = 1, .padding = 1}},
                                   Pooling{{1, 9, 8, 16}, {.kernel = 2, .stride = 3}}}) {
      INFO(concat_text(dtype, ' ', pooling.x));
      EmulatedPair pair(dtype, 7);
      const auto out = [&](int64_t extent) {
        return window_output(extent, pooling.spec.kernel, pooling.spec.stride,
                             pooling.spec.padding);
      };
      const Shape& shape = pooling.x;
      const Shape pooled{shape[0], out(shape[1]), out(shape[2]), shape[3]};
      Twin x = pair.normal(shape);
      Twin y = pair.empty(pooled);
      Twin argmax = pair.empty_index(pooled);
      pair.run([&](Backend& on, auto side) {
        on.max_pool(side(x), pooling.spec, side(y), side(argmax));
      });
      pair.check(y);
      CHECK(argmax.got.to_host<int32_t>() == argmax.want.to_host<int32_t>());
      Twin dy = pair.normal(pooled);
      Twin dx = pair.empty(shape);
      pair.run([&](Backend& on, auto side) {
        on.max_pool_backward(side(dy), side(argmax), pooling.spec, side(dx));
      });
      pair.check(dx);
      Twin average = pair.empty({shape[0], shape[3]});
      pair.run([&](Backend& on, auto side) { on.global_average_pool(side(x), side(average)); });
      pair.check(average);
      pair.run([&](Backend& on, auto side) {
        on.global_average_pool_backward(side(average), side(dx));
      });
      pair.check(dx);
    }
}

}  // namespace
}  // namespace amcl
