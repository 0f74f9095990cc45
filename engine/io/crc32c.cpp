#include "engine/io/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

namespace amcl {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;

// tables[0] advances the CRC by one byte; tables[k] by a byte with k zero bytes after it, so that
// eight bytes take eight independent look-ups ("slicing by 8", Kounavis and Berry, 2005).
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}();

static_assert(std::endian::native == std::endian::little);

uint32_t advance_by_eight(uint32_t crc, const std::byte* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  word ^= crc;
  uint32_t result = 0;
  for (size_t k = 0; k < 8; ++k) result ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  return result;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  crc = ~crc;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) crc = advance_by_eight(crc, bytes.data());
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint32_t>(byte)) & 0xff];
  return ~crc;
}

}  // namespace amcl
