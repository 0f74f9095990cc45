// Numbers of 16 bits (IEEE 754 binary16) as files hold them.
#pragma once
#include <bit>
#include <cstdint>

namespace amcl {

// Exact.
inline float float_of_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fU;
  const uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0) {
    const float value = std::bit_cast<float>(sign | 0x3f800000U) * static_cast<float>(fraction);
    return value * 0x1p-24f;
  }
  const uint32_t wide = exponent == 31 ? 0xffU : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

// Rounded to nearest, ties to even.
inline uint16_t half_of_float(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;   // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // rounds to more than 65504
  if (magnitude < 0x33000001) return sign;            // half of the least subnormal, or less
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const int drop = exponent < -14 ? 13 - 14 - exponent : 13;  // bits of the mantissa that go
  const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  uint32_t kept = mantissa >> drop;
  const uint32_t rest = mantissa & ((1U << drop) - 1);
  const uint32_t middle = 1U << (drop - 1);
  if (rest > middle || (rest == middle && (kept & 1) != 0)) ++kept;
  // A normal number's leading bit is the exponent's 1; rounding up carries into it.
  const uint32_t base = exponent < -14 ? 0U : static_cast<uint32_t>(exponent + 14) << 10;
  return static_cast<uint16_t>(sign | (base + kept));
}

}  // namespace amcl
