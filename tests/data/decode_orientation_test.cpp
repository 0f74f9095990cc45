// The orientation in Exif data, wherever a file has it and however it is written.
#include <doctest/doctest.h>

#include "data/decode/exif.h"
#include "tests/data/decoded.h"
#include "tests/data/encode.h"

namespace amcl {
namespace {

// A TIFF block whose only entry is an orientation of this type, in the byte order of `big`.
std::vector<uint8_t> exif(bool big, uint32_t type, const std::string& value) {
  const auto ordered = [&](uint32_t field, size_t size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(field >> 8 * (big ? size - 1 - i : i) & 255);
    return bytes;
  };
  const std::string block = (big ? "MM" : "II") + ordered(42, 2) + ordered(8, 4) + ordered(1, 2) +
                            ordered(0x112, 2) + ordered(type, 2) + ordered(1, 4) + value;
  return {block.begin(), block.end()};
}

TEST_CASE("decode: the orientation may be a byte, a short or a long number in either order") {
  const auto transposes = [](const std::vector<uint8_t>& block) {
    return read_orientation(block).turned({2, 3}) == ImageExtent{3, 2};
  };
  const std::string four("\6\0\0\0", 4);
  CHECK(transposes(exif(false, 1, four)));
  CHECK(transposes(exif(false, 3, four)));
  CHECK(transposes(exif(false, 4, four)));
  CHECK(transposes(exif(true, 1, four)));
  CHECK(transposes(exif(true, 3, std::string("\0\6\0\0", 4))));
  CHECK(transposes(exif(true, 4, std::string("\0\0\0\6", 4))));
  CHECK_FALSE(transposes(exif(false, 2, four)));  // text
  CHECK_FALSE(transposes(exif(true, 4, four)));   // six times 2^24
  CHECK_FALSE(transposes(exif(false, 4, std::string("\6\0\1\0", 4))));
}

TEST_CASE("decode: the orientation of a PNG, before its pixels or behind them") {
  const std::vector<uint8_t> block = exif(true, 3, std::string("\0\6\0\0", 4));
  const std::string chunk = png_chunk("eXIf" + std::string(block.begin(), block.end()));
  const std::string file = encode_png(picture(2, 3), 2, 3);
  for (const char* next : {"IDAT", "IEND"}) {
    std::string turned = file;
    turned.insert(turned.find(next) - 4, chunk);
    CHECK(decode(turned).extent == ImageExtent{3, 2});
  }
}

}  // namespace
}  // namespace amcl
