#include "engine/io/crc32c.h"

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amcl {
namespace {

uint32_t crc_of(std::string_view text) {
  return crc32c(std::as_bytes(std::span(text)));
}

TEST_CASE("crc32c: the published vectors") {
  CHECK(crc_of("") == 0);
  CHECK(crc_of("123456789") == 0xe3069283);
  // RFC 3720, appendix B.4.
  CHECK(crc_of(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc_of(std::string(32, '\xff')) == 0x62a8ab43);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  CHECK(crc_of(ascending) == 0x46dd794e);
  CHECK(crc_of(std::string(ascending.rbegin(), ascending.rend())) == 0x113fdb5c);
}

TEST_CASE("crc32c: a stream in pieces of any length gives the CRC of the whole") {
  std::string text;
  for (int i = 0; i < 41; ++i) text += static_cast<char>(i * 37 + 11);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    CHECK(crc32c(bytes.subspan(cut), crc32c(bytes.first(cut))) == crc32c(bytes));
}

}  // namespace
}  // namespace amcl
