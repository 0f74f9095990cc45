// Element types: their sizes, names, and the bf16 value type.
#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>

namespace amcl {

enum class DType : uint8_t { f64, f32, bf16, i32, u8 };

constexpr size_t size_of(DType type) {
  switch (type) {
    case DType::f64:
      return 8;
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::i32:
      return 4;
    case DType::u8:
      return 1;
  }
  return 0;
}

constexpr const char* name_of(DType type) {
  switch (type) {
    case DType::f64:
      return "f64";
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::i32:
      return "i32";
    case DType::u8:
      return "u8";
  }
  return "?";
}

constexpr bool is_floating(DType type) {
  return type == DType::f64 || type == DType::f32 || type == DType::bf16;
}

inline std::ostream& operator<<(std::ostream& out, DType type) {
  return out << name_of(type);
}

// Type of statistics, row reductions, temperatures and losses for activations of `type`.
constexpr DType stat_dtype(DType type) {
  return type == DType::f64 ? DType::f64 : DType::f32;
}

// The upper half of an f32; conversion rounds to nearest, ties to even.
struct bf16 {
  uint16_t bits = 0;

  bf16() = default;
  explicit bf16(float value) {
    const auto wide = std::bit_cast<uint32_t>(value);
    // In integers throughout, so that a loop over this vectorises.
    const bool nan = static_cast<int32_t>(wide & 0x7fffffff) > 0x7f800000;
    bits = nan ? static_cast<uint16_t>((wide >> 16) | 0x40)
               : static_cast<uint16_t>((wide + 0x7fff + ((wide >> 16) & 1)) >> 16);
  }
  explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<bf16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <class T>
inline constexpr DType kDTypeOf = DTypeOf<T>::value;

}  // namespace amcl
