// The elements of an entry as C++ values, and back.
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/core/check.h"
#include "engine/io/half.h"
#include "engine/io/safetensors.h"

namespace amcl {
namespace {

// Calls body(T{}) with the C++ type that stores the dtype; F16 and BF16 are handled before.
template <class Body>
void with_stored_type(std::string_view dtype, Body&& body) {
  if (dtype == "F64") return body(double{});
  if (dtype == "F32") return body(float{});
  if (dtype == "I64") return body(int64_t{});
  if (dtype == "U64") return body(uint64_t{});
  if (dtype == "I32") return body(int32_t{});
  if (dtype == "U32") return body(uint32_t{});
  if (dtype == "I16") return body(int16_t{});
  if (dtype == "U16") return body(uint16_t{});
  if (dtype == "I8") return body(int8_t{});
  if (dtype == "U8" || dtype == "BOOL") return body(uint8_t{});
  fail(ErrorKind::data, "safetensors: dtype ", dtype, " is not supported");
}

template <class Stored>
Stored element(std::span<const std::byte> data, size_t index) {
  Stored value{};
  std::memcpy(&value, data.data() + index * sizeof(Stored), sizeof(Stored));
  return value;
}

template <class T, class Stored>
T convert(Stored value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else if constexpr (std::is_integral_v<Stored>) {
    if (!std::in_range<T>(value))
      fail(ErrorKind::data, "safetensors: the value ", +value, " does not fit its use");
    return static_cast<T>(value);
  } else {
    fail(ErrorKind::data, "safetensors: floating-point values where integers are needed");
  }
}

}  // namespace

int64_t SafetensorsEntry::count() const {
  int64_t product = 1;
  for (const int64_t extent : shape) product *= extent;
  return product;
}

template <class T>
std::vector<T> SafetensorsEntry::values() const {
  std::vector<T> result(static_cast<size_t>(count()));
  if (dtype == "BF16" || dtype == "F16") {
    for (size_t i = 0; i < result.size(); ++i) {
      const auto bits = element<uint16_t>(data, i);
      result[i] =
          convert<T>(dtype == "F16" ? float_of_half(bits)
                                    : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16));
    }
    return result;
  }
  with_stored_type(dtype, [&]<class Stored>(Stored) {
    for (size_t i = 0; i < result.size(); ++i) result[i] = convert<T>(element<Stored>(data, i));
  });
  return result;
}

template <class T>
SafetensorsEntry SafetensorsEntry::from(const std::vector<int64_t>& shape,
                                        const std::vector<T>& values) {
  SafetensorsEntry entry;
  if constexpr (std::is_same_v<T, double>) entry.dtype = "F64";
  if constexpr (std::is_same_v<T, float>) entry.dtype = "F32";
  if constexpr (std::is_same_v<T, int64_t>) entry.dtype = "I64";
  if constexpr (std::is_same_v<T, int32_t>) entry.dtype = "I32";
  if constexpr (std::is_same_v<T, uint8_t>) entry.dtype = "U8";
  entry.shape = shape;
  AMCL_CHECK(entry.count() == static_cast<int64_t>(values.size()), "safetensors: ", values.size(),
             " values for a shape of ", entry.count());
  const auto bytes = std::as_bytes(std::span(values));
  entry.data.assign(bytes.begin(), bytes.end());
  return entry;
}

#define AMCL_INSTANTIATE(T)                                                              \
  template std::vector<T> SafetensorsEntry::values<T>() const;                           \
  template SafetensorsEntry SafetensorsEntry::from<T>(const std::vector<int64_t>& shape, \
                                                      const std::vector<T>& values);
AMCL_INSTANTIATE(double)
AMCL_INSTANTIATE(float)
AMCL_INSTANTIATE(int64_t)
AMCL_INSTANTIATE(int32_t)
AMCL_INSTANTIATE(uint8_t)
#undef AMCL_INSTANTIATE

}  // namespace amcl
