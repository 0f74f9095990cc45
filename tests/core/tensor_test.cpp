#include "engine/core/tensor.h"

#include <doctest/doctest.h>

#include "tests/support/backends.h"

namespace amcl {
namespace {

Device& device() {
  return test::plain();
}

Tensor numbers(const Shape& shape, DType dtype = DType::f32) {
  std::vector<double> values(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  return Tensor::from_host<double>(device(), shape, values, dtype);
}

TEST_CASE("tensor: values survive the way to the device and back in every type") {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::i32, DType::u8}) {
    INFO(concat_text(dtype));
    const Tensor x = numbers({2, 3}, dtype);
    CHECK(x.dtype() == dtype);
    CHECK(x.bytes() == 6 * size_of(dtype));
    CHECK(x.to_host<double>() == std::vector<double>{0, 1, 2, 3, 4, 5});
    CHECK(x.to_host<int32_t>() == std::vector<int32_t>{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("tensor: zeros are zero, also in memory that was used before") {
  { const Tensor used = numbers({64}); }
  const Tensor x = Tensor::zeros(device(), {64}, DType::f32);
  CHECK(x.to_host<double>() == std::vector<double>(64, 0.0));
}

TEST_CASE("tensor: copies of a handle share the elements") {
  Tensor x = numbers({3});
  const Tensor y = x;
  CHECK(!x.sole_owner());
  CHECK(x.same_block(y));
  x.data<float>()[1] = 7.0f;
  CHECK(y.to_host<double>() == std::vector<double>{0, 7, 2});
}

TEST_CASE("tensor: views share the block and keep it alive") {
  Tensor part;
  {
    const Tensor x = numbers({3, 2});
    CHECK(x.view({6}).same_block(x));
    part = x.slice(1, 3);
    CHECK(!part.same_block(x));
    CHECK(!part.sole_owner());
  }
  CHECK(part.shape() == Shape{2, 2});
  CHECK(part.to_host<double>() == std::vector<double>{2, 3, 4, 5});
  CHECK(part.sole_owner());
}

TEST_CASE("tensor: memory goes back when the last handle dies") {
  const int64_t before = device().allocator().use().in_use;
  Tensor x = numbers({1000});
  Tensor y = x.view({10, 100});
  CHECK(device().allocator().use().in_use >= before + 4000);
  x = Tensor{};
  CHECK(device().allocator().use().in_use >= before + 4000);
  y = Tensor{};
  CHECK(device().allocator().use().in_use == before);
}

TEST_CASE("tensor: a view in another shape is not the value that the tape follows") {
  Tensor x = numbers({3, 2});
  x.set_slot({.tape = 5, .index = 0});
  CHECK(x.view({3, 2}).slot().tape == 5);
  CHECK(x.view({6}).slot().tape == 0);
  CHECK(x.slice(0, 3).slot().tape == 0);
}

TEST_CASE("tensor: item reads the single element") {
  CHECK(numbers({3}).slice(2, 3).item() == 2.0);
  CHECK_THROWS_WITH_AS(numbers({2}).item(), "tensor: item() needs one element, the shape is [2]",
                       Error);
}

TEST_CASE("tensor: misuse is refused") {
  CHECK_THROWS_WITH_AS(Tensor{}.device(), "tensor: used before it was given a value", Error);
  CHECK_THROWS_WITH_AS(numbers({2}).data<double>(), "tensor: elements are f32, read as f64", Error);
  CHECK_THROWS_WITH_AS(numbers({2, 3}).view({5}), "reshape: [2, 3] has 6 elements, [5] needs 5",
                       Error);
  CHECK_THROWS_WITH_AS(numbers({2, 3}).slice(1, 3), "slice: rows 1 to 3 of a tensor [2, 3]", Error);
  CHECK_THROWS_WITH_AS(Tensor::from_host<float>(device(), {3}, std::vector<float>{1.0f, 2.0f}),
                       "tensor: 2 values for shape [3]", Error);
}

}  // namespace
}  // namespace amcl
