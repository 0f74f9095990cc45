#include "engine/core/dtype.h"

#include <doctest/doctest.h>

#include <limits>

namespace amcl {
namespace {

float rounded(float value) {
  return static_cast<float>(bf16(value));
}

TEST_CASE("bf16: values with eight bits of mantissa are kept") {
  for (const float value : {0.0f, 1.0f, -1.5f, 255.0f, 0x1p-126f, 1.9921875f})
    CHECK(rounded(value) == value);
  CHECK(bf16(1.0f).bits == 0x3f80);
  CHECK(std::signbit(rounded(-0.0f)));
}

TEST_CASE("bf16: rounds to nearest, ties to even") {
  CHECK(rounded(1.0f + 0x1p-8f) == 1.0f);                       // a tie: down to even
  CHECK(rounded(1.0f + 3 * 0x1p-8f) == 1.0f + 4 * 0x1p-8f);     // a tie: up to even
  CHECK(rounded(1.0f + 0x1p-8f + 0x1p-20f) == 1.0f + 0x1p-7f);  // above the tie
  CHECK(rounded(-(1.0f + 3 * 0x1p-8f)) == -(1.0f + 4 * 0x1p-8f));
}

TEST_CASE("bf16: infinity, overflow and NaN") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(rounded(infinity) == infinity);
  CHECK(rounded(std::numeric_limits<float>::max()) == infinity);
  CHECK(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  // Only low bits of the mantissa are set: cutting them off would make an infinity of it.
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7f800001u))));
}

TEST_CASE("dtype: sizes, names and statistics types") {
  CHECK(size_of(DType::f64) == 8);
  CHECK(size_of(DType::f32) == 4);
  CHECK(size_of(DType::bf16) == 2);
  CHECK(size_of(DType::i32) == 4);
  CHECK(size_of(DType::u8) == 1);
  CHECK(std::string(name_of(DType::bf16)) == "bf16");
  CHECK(stat_dtype(DType::f64) == DType::f64);
  CHECK(stat_dtype(DType::f32) == DType::f32);
  CHECK(stat_dtype(DType::bf16) == DType::f32);
  CHECK(is_floating(DType::bf16));
  CHECK(!is_floating(DType::i32));
  CHECK(!is_floating(DType::u8));
}

}  // namespace
}  // namespace amcl
