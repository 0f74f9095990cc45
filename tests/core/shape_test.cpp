#include "engine/core/shape.h"

#include <doctest/doctest.h>

namespace amcl {
namespace {

TEST_CASE("shape: extents, count and rows") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape.back() == 4);
  CHECK(shape.count() == 24);
  CHECK(shape.rows() == 6);
}

TEST_CASE("shape: a scalar has one element and one row, an empty tensor none") {
  CHECK(Shape{}.count() == 1);
  CHECK(Shape{}.rows() == 1);
  CHECK(Shape{3, 0}.count() == 0);
  CHECK(Shape{3, 0}.rows() == 0);
  CHECK(Shape{0, 3}.rows() == 0);
}

TEST_CASE("shape: equality looks at rank and extents") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{} != Shape{0});
}

TEST_CASE("shape: with and without_last leave the original alone") {
  const Shape shape{2, 3, 4};
  CHECK(shape.with(-1, 7) == Shape{2, 3, 7});
  CHECK(shape.with(0, 1) == Shape{1, 3, 4});
  CHECK(shape.without_last() == Shape{2, 3});
  CHECK(shape == Shape{2, 3, 4});
}

TEST_CASE("shape: prints as a list") {
  CHECK(concat_text(Shape{2, 16, 16, 64}) == "[2, 16, 16, 64]");
  CHECK(concat_text(Shape{}) == "[]");
}

TEST_CASE("shape: impossible extents and axes are refused") {
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "shape: an extent is negative: -1", Error);
  CHECK_THROWS_WITH_AS((Shape{1, 1, 1, 1, 1, 1}), "shape: at most 5 extents, got 6", Error);
  const Shape shape{2, 3};
  CHECK_THROWS_WITH_AS(shape[2], "shape: axis 2 of a tensor of rank 2", Error);
  CHECK_THROWS_WITH_AS(shape.with(-3, 1), "shape: axis -3 of a tensor of rank 2", Error);
  CHECK_THROWS_WITH_AS(shape.with(0, -1), "shape: an extent is negative: -1", Error);
  CHECK_THROWS_WITH_AS(Shape{}.without_last(), "shape: axis -1 of a tensor of rank 0", Error);
}

}  // namespace
}  // namespace amcl
