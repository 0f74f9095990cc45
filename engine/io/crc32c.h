// CRC-32C (Castagnoli; reflected polynomial 0x82F63B78), as in RFC 3720: what our checkpoints carry
// because a flipped bit would otherwise load without a word.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace amcl {

// Continues `crc` over `bytes`: crc32c(b, crc32c(a)) is the CRC of a followed by b. The CRC of
// nothing is 0.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace amcl
