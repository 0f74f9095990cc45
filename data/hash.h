// A hash of bytes that is the same on every machine.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
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

// Of an image, eight bytes at a time: images of the same pixels and width have the same one, others
// hardly ever.
inline uint64_t hash_of_pixels(std::span<const uint8_t> pixels, int64_t width) {
  uint64_t state = static_cast<uint64_t>(width) ^ pixels.size() << 32;
  for (size_t place = 0; place < pixels.size(); place += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, pixels.data() + place, std::min(sizeof word, pixels.size() - place));
    state = (state ^ word) * 0x9e3779b97f4a7c15;
    state ^= state >> 32;  // or differences in the upper bits of two words would cancel
  }
  return state;
}

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
