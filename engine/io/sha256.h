// SHA-256 (FIPS 180-4), with which publishers of data sets name their files.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace amcl {

class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  // Of all that was added, as 64 hexadecimal digits; nothing may be added afterwards.
  std::string finish();

 private:
  void process(const std::byte* block);  // 64 bytes

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> block_{};
  uint64_t length_ = 0;  // bytes added
};

// Of a whole file; errors as File.
std::string sha256_of_file(const std::string& path);

}  // namespace amcl
