// Every kernel that the encoder runs in bf16, against the same kernel of plain f32 on the same
// (rounded) values: one rounding apart.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <string_view>

#include "engine/core/philox.h"
#include "tests/support/backends.h"

namespace amcl {
namespace {

// Half of the last of 8 bits of mantissa; sums of f32 in another order come on top.
constexpr double kRounding = 1.01 / 256.0;

Tensor normal(Backend& backend, const Shape& shape, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<float> values(static_cast<size_t>(shape.count()));
  for (float& value : values) value = random.normal();
  return Tensor::from_host(backend, shape, std::span<const float>(values), DType::bf16);
}

// The bf16 values of x as f32 on the plain backend.
Tensor exact(const Tensor& x) {
  const std::vector<float> values = x.to_host<float>();
  return Tensor::from_host(test::plain(), x.shape(), std::span<const float>(values));
}

void check_near(const Tensor& got, const Tensor& wanted, double tolerance = kRounding) {
  const std::vector<double> ours = got.to_host<double>();
  const std::vector<double> theirs = wanted.to_host<double>();
  REQUIRE(ours.size() == theirs.size());
  double largest = 0.0;
  for (size_t i = 0; i < ours.size(); ++i)
    largest = std::max(largest, std::abs(ours[i] - theirs[i]) / (std::abs(theirs[i]) + 1e-3));
  CHECK(largest <= tolerance);
}

template <class Body>
void on_every_backend(const Body& body) {
  std::vector<Backend*> backends = test::fast_backends();
  backends.push_back(&test::plain());
  for (Backend* backend : backends) {
    INFO(concat_text(backend->name()));
    body(*backend);
  }
}

// To the bit; of numbers only, since a GPU's NaN has other bits than the host's.
bool same(bf16 got, float want) {
  return std::isnan(want) ? std::isnan(static_cast<float>(got)) : got.bits == bf16(want).bits;
}

Tensor bf16_like(const Tensor& x) {
  return Tensor::empty(x.device(), x.shape(), DType::bf16);
}

// What is written in f32 may have been rounded once where the library of a GPU has no better way.
double tolerance_of_dw(const Backend& backend) {
  return std::string_view(backend.name()).starts_with("cuda") ? kRounding : 1e-3;
}

TEST_CASE("bf16: convolutions and their gradients, that of the weights in f32") {
  on_every_backend([](Backend& backend) {
    for (const Conv2dSpec spec :
         {Conv2dSpec{.stride = 1, .padding = 1}, Conv2dSpec{.stride = 2, .padding = 1}}) {
      const Tensor x = normal(backend, {2, 7, 9, 5}, 1);
      const Tensor w = normal(backend, {6, 3, 3, 5}, 2);
      const int64_t rows = spec.stride == 1 ? 7 : 4;
      const int64_t columns = spec.stride == 1 ? 9 : 5;
      const Tensor dy = normal(backend, {2, rows, columns, 6}, 3);
      Tensor y = bf16_like(dy);
      Tensor dx = bf16_like(x);
      Tensor dw = Tensor::empty(backend, w.shape(), DType::f32);
      backend.conv2d(x, w, spec, y);
      backend.conv2d_dx(dy, w, spec, dx);
      backend.conv2d_dw(x, dy, spec, dw);
      Tensor wanted_y = Tensor::empty(test::plain(), y.shape(), DType::f32);
      Tensor wanted_dx = Tensor::empty(test::plain(), x.shape(), DType::f32);
      Tensor wanted_dw = Tensor::empty(test::plain(), w.shape(), DType::f32);
      test::plain().conv2d(exact(x), exact(w), spec, wanted_y);
      test::plain().conv2d_dx(exact(dy), exact(w), spec, wanted_dx);
      test::plain().conv2d_dw(exact(x), exact(dy), spec, wanted_dw);
      check_near(y, wanted_y, 1.5 * kRounding);
      check_near(dx, wanted_dx, 1.5 * kRounding);
      check_near(dw, wanted_dw, tolerance_of_dw(backend));
    }
  });
}

// Channels that fold, that fill no vector, and more than one panel.
TEST_CASE("bf16: batch norm with relu and a residual, forward and backward") {
  on_every_backend([](Backend& backend) {
    for (const Shape& shape : {Shape{66, 16}, Shape{38, 5}, Shape{130, 520}}) {
      INFO(concat_text(shape));
      const BatchNormSpec spec{.groups = 2, .relu = true};
      const int64_t channels = shape.back();
      const Tensor x = normal(backend, shape, 1);
      const Tensor residual = normal(backend, shape, 2);
      const Tensor dy = normal(backend, shape, 3);
      const auto run = [&](Backend& on, const Tensor& in, const Tensor& shortcut,
                           const Tensor& cotangent, const auto& check) {
        const auto statistic = [&] { return Tensor::zeros(on, {2, channels}, DType::f32); };
        Tensor mean = statistic();
        Tensor variance = statistic();
        Tensor sum_g = statistic();
        Tensor sum_g_xhat = statistic();
        Tensor gamma = Tensor::empty(on, {channels}, DType::f32);
        Tensor beta = Tensor::empty(on, {channels}, DType::f32);
        on.fill(gamma, 1.25);
        on.fill(beta, 0.5);
        Tensor y = Tensor::empty_like(in);
        Tensor dx = Tensor::empty_like(in);
        Tensor dresidual = Tensor::empty_like(in);
        on.batch_norm_statistics(in, spec, mean, variance);
        on.batch_norm_apply(in, mean, variance, gamma, beta, shortcut, spec, y);
        on.batch_norm_backward_reduce(cotangent, in, y, mean, variance, spec, sum_g, sum_g_xhat);
        on.batch_norm_backward_apply(cotangent, in, y, mean, variance, gamma, sum_g, sum_g_xhat,
                                     spec, dx, dresidual);
        check(mean, variance, y, sum_g, sum_g_xhat, dx, dresidual);
      };
      std::vector<Tensor> got;
      const auto keep = [&](auto&... tensors) { (got.push_back(tensors), ...); };
      run(backend, x, residual, dy, keep);
      size_t next = 0;
      const double tolerances[] = {1e-4, 1e-4, kRounding, 1e-3, 1e-3, 2 * kRounding, 0.0};
      run(test::plain(), exact(x), exact(residual), exact(dy), [&](auto&... wanted) {
        const auto compare = [&](const Tensor& tensor) {
          CAPTURE(next);
          check_near(got[next], tensor, tolerances[next]);
          ++next;
        };
        (compare(wanted), ...);
      });
    }
  });
}

TEST_CASE("bf16: max pool, sums and differences") {
  on_every_backend([](Backend& backend) {
    const PoolSpec spec{.kernel = 3, .stride = 2, .padding = 1};
    const Tensor x = normal(backend, {2, 7, 6, 5}, 1);
    const Tensor dy = normal(backend, {2, 4, 3, 5}, 2);
    Tensor y = bf16_like(dy);
    Tensor dx = bf16_like(x);
    Tensor argmax = Tensor::zeros(backend, dy.shape(), DType::i32);
    backend.max_pool(x, spec, y, argmax);
    backend.max_pool_backward(dy, argmax, spec, dx);
    Tensor wanted_y = Tensor::empty(test::plain(), dy.shape(), DType::f32);
    Tensor wanted_dx = Tensor::empty(test::plain(), x.shape(), DType::f32);
    Tensor wanted_argmax = Tensor::zeros(test::plain(), dy.shape(), DType::i32);
    test::plain().max_pool(exact(x), spec, wanted_y, wanted_argmax);
    test::plain().max_pool_backward(exact(dy), wanted_argmax, spec, wanted_dx);
    CHECK(argmax.to_host<int32_t>() == wanted_argmax.to_host<int32_t>());
    CHECK(y.to_host<float>() == wanted_y.to_host<float>());
    check_near(dx, wanted_dx);

    const Tensor other = normal(backend, x.shape(), 3);
    Tensor sum = Tensor::empty_like(x);
    backend.binary(BinaryOp::add, x, other, sum);
    Tensor total = normal(backend, x.shape(), 3);
    backend.accumulate(x, total);
    CHECK(sum.to_host<float>() == total.to_host<float>());
    Tensor wanted_sum = Tensor::empty(test::plain(), x.shape(), DType::f32);
    test::plain().binary(BinaryOp::add, exact(x), exact(other), wanted_sum);
    check_near(sum, wanted_sum);
  });
}

TEST_CASE("bf16: casts and sums round as the type does, whatever the value") {
  // Ties to both sides, overflow, subnormals, infinities, not a number with its mark in the lower half.
  std::vector<float> values;
  for (const uint32_t bits :
       {0x3f808000u, 0x3f818000u, 0x3f807fffu, 0x7f7fffffu, 0xff7fffffu, 0x00000001u, 0x80018000u,
        0x7f800000u, 0xff800000u, 0x7f800001u, 0xffc00000u, 0x00000000u, 0x80000000u})
    for (int copies = 0; copies < 3; ++copies) values.push_back(std::bit_cast<float>(bits));
  const auto count = static_cast<int64_t>(values.size());
  on_every_backend([&](Backend& backend) {
    const Tensor wide = Tensor::from_host<float>(backend, {count}, values);
    Tensor x = Tensor::empty(backend, {count}, DType::bf16);
    backend.cast(wide, x);
    const std::vector<bf16> rounded = x.to_host<bf16>();
    Tensor y = Tensor::empty_like(x);
    backend.fill(y, 1.0);
    backend.accumulate(x, y);
    const std::vector<bf16> sums = y.to_host<bf16>();
    for (size_t i = 0; i < values.size(); ++i) {
      CAPTURE(values[i]);
      CHECK(same(rounded[i], values[i]));
      CHECK(same(sums[i], 1.0F + static_cast<float>(rounded[i])));
    }
  });
}

}  // namespace
}  // namespace amcl
