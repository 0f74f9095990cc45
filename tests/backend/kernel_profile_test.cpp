#include "engine/backend/kernel_profile.h"

#include <doctest/doctest.h>

#include "engine/ops/ops.h"
#include "tests/support/backends.h"

namespace amcl {
namespace {

Tensor filled(const Shape& shape) {
  Tensor result = Tensor::empty(test::plain(), shape, DType::f32);
  test::plain().fill(result, 0.5);
  return result;
}

// What `calls` adds to a profile.
template <class Calls>
std::vector<KernelTime> times_of(const Calls& calls) {
  KernelProfile profile;
  test::plain().keep_profile(&profile);
  calls();
  test::plain().keep_profile(nullptr);
  return profile.times();
}

TEST_CASE("kernel profile: calls of one kernel on one size are one row, with all their bytes") {
  const Tensor x = filled({8});
  const Tensor longer = filled({16});
  const std::vector<KernelTime> times = times_of([&] {
    exp(x);
    exp(longer);
  });
  REQUIRE(times.size() == 1);
  CHECK(times[0].work.name == "unary");
  CHECK(times[0].work.detail.empty());
  CHECK(times[0].work.flops == 0.0);
  CHECK(times[0].work.bytes == 2 * (8 + 16) * sizeof(float));
  CHECK(times[0].calls == 2);
  CHECK(times[0].seconds > 0.0);
}

TEST_CASE("kernel profile: products and convolutions are told apart by their extents") {
  const Tensor a = filled({3, 4});
  const Tensor b = filled({5, 4});
  const std::vector<KernelTime> product = times_of([&] {
    Tensor c = filled({3, 5});
    backend_of(a).matmul(a, b, MatmulSpec{.trans_b = true}, c);
  });
  REQUIRE(product.size() == 1);
  CHECK(product[0].work.detail == "1 of 3x5x4 NT");
  CHECK(product[0].work.flops == 2.0 * 3 * 4 * 5);

  // x [2, 4, 4, 3], w [6, 3, 3, 3], y [2, 2, 2, 6]
  const Tensor x = filled({2, 4, 4, 3});
  const Tensor w = filled({6, 3, 3, 3});
  const Tensor y = filled({2, 2, 2, 6});
  const Conv2dSpec spec{.stride = 2, .padding = 1};
  const std::vector<KernelTime> convolutions = times_of([&] {
    Tensor like_x = Tensor::empty_like(x);
    Tensor like_w = Tensor::empty_like(w);
    Tensor like_y = Tensor::empty_like(y);
    backend_of(x).conv2d(x, w, spec, like_y);
    backend_of(x).conv2d_dx(y, w, spec, like_x);
    backend_of(x).conv2d_dw(x, y, spec, like_w);
  });
  REQUIRE(convolutions.size() == 3);
  for (const KernelTime& time : convolutions) {
    CAPTURE(time.work.name);
    CHECK(time.work.detail == "3x3/2 3->6 of 2x2");
    CHECK(time.work.flops == 2.0 * (2 * 2 * 2 * 6) * (3 * 3 * 3));
  }
}

TEST_CASE("kernel profile: a backend without one counts nothing") {
  const Tensor x = filled({8});
  KernelProfile profile;
  test::plain().keep_profile(&profile);
  test::plain().keep_profile(nullptr);
  exp(x);
  CHECK(profile.times().empty());
}

}  // namespace
}  // namespace amcl
