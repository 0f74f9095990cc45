// A hash of bytes that is the same on every machine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace amcl {

// FNV-1a, 64 bits.
class Hash {
 public:
  void add(const void* bytes, size_t count) {
    const auto* byte = static_cast<const uint8_t*>(bytes);
    for (size_t i = 0; i < count; ++i) state_ = (state_ ^ byte[i]) * 0x100000001b3;
  }
  void add(std::string_view text) { add(text.data(), text.size()); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xcbf29ce484222325;
};

// Spreads similar texts evenly over [0, 1): the finaliser of splitmix64 over their hash.
inline double uniform_hash(std::string_view text) {
  Hash hash;
  hash.add(text);
  uint64_t value = hash.value();
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  value ^= value >> 31;
  return static_cast<double>(value >> 11) * 0x1p-53;
}

}  // namespace amcl
