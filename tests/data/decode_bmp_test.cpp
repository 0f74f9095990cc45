// BMP of every kind that is read, and refusals of the others.
#include <doctest/doctest.h>

#include "tests/data/decoded.h"
#include "tests/data/encode.h"

namespace amcl {
namespace {

std::string number(uint32_t value, size_t size = 4) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i & 255);
  return bytes;
}

TEST_CASE("decode: BMP from the bottom up and from the top down, with and without a palette") {
  const std::string rows = std::string("cba") + '\0' + "fed" + '\0';
  CHECK(decode(bmp(1, 2, 24, rows)).pixels == std::vector<uint8_t>{'d', 'e', 'f', 'a', 'b', 'c'});
  CHECK(decode(bmp(1, -2, 24, rows)).pixels == std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'});
  CHECK(decode(bmp(2, 1, 32, "cbaxfedx")).pixels ==
        std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'});
  std::string palette(1024, '\0');
  palette.replace(4 * 9, 3, "zyx");
  CHECK(decode(bmp(1, 1, 8, palette + "\t\0\0\0" + std::string(3, '\0'), 1078)).pixels ==
        std::vector<uint8_t>{'x', 'y', 'z'});
  CHECK(refusal(bmp(2, 2, 24, rows)) == "is a damaged BMP image (it ends too early)");
  CHECK(refusal("BM") == "is a damaged BMP image (its header is not complete)");
}

TEST_CASE("decode: BMP with palettes of 1 and 4 bits") {
  const std::string palette = "cba" + number(0, 1) + "fed" + number(0, 1);
  std::string two = bmp(9, 1, 1, palette + "\x55\x80" + number(0, 2), 62);
  two.replace(46, 4, number(2));
  const std::vector<uint8_t> pixels = decode(two).pixels;
  CHECK(std::string(pixels.begin(), pixels.end()) == "abcdefabcdefabcdefabcdefdef");
  std::string four = bmp(3, 1, 4, palette + "\x01\x10" + number(0, 2), 62);
  four.replace(46, 4, number(2));
  CHECK(decode(four).pixels == std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f', 'd', 'e', 'f'});
  four.replace(46, 4, number(1));
  CHECK(refusal(four) == "is a damaged BMP image (color 1 of a palette of 1)");
  four.replace(46, 4, number(17));
  CHECK(refusal(four) == "is a damaged BMP image (its palette is not complete)");
}

TEST_CASE("decode: BMP with the header of 12 bytes") {
  const auto core = [](uint32_t width, uint32_t height, uint32_t bits, const std::string& rest) {
    const uint32_t begin = bits <= 8 ? 26 + 3 * (1u << bits) : 26;
    return "BM" + number(0) + number(0) + number(begin) + number(12) + number(width, 2) +
           number(height, 2) + number(1, 2) + number(bits, 2) + rest;
  };
  CHECK(decode(core(1, 2, 24, "cba" + number(0, 1) + "fed" + number(0, 1))).pixels ==
        std::vector<uint8_t>{'d', 'e', 'f', 'a', 'b', 'c'});
  CHECK(decode(core(2, 1, 1, "cbafed" + number(0x40))).pixels ==
        std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'});
  CHECK(refusal(core(2, 1, 1, "cbafe")) == "is a damaged BMP image (its palette is not complete)");
  // 40 bytes of another header read as extents gave millions of pixels.
  std::string unknown = bmp(48, 32, 24, "");
  unknown.replace(14, 4, number(16));
  CHECK(refusal(unknown) ==
        "is a BMP image with a header of 16 bytes, which is of no kind that is read; save it as "
        "PNG");
}

TEST_CASE("decode: BMP of 16 and 32 bits, with and without masks") {
  const auto masked = [](int bits, const std::string& masks, const std::string& row,
                         uint32_t header = 40) {
    const std::string longer(header - 40, '\0');
    std::string file =
        bmp(1, 1, bits,
            masks + longer.substr(0, longer.size() - (header == 40 ? 0 : masks.size())) + row,
            54 + (header == 40 ? static_cast<uint32_t>(masks.size()) : header - 40));
    file.replace(14, 4, number(header));
    file.replace(30, 4, number(3));
    return file;
  };
  const std::string rgb565 = number(0xf800) + number(0x07e0) + number(0x001f);
  const std::string rgba = number(0xff) + number(0xff00) + number(0xff0000) + number(0xff000000);
  // Five bits of 255: 0, 8, 16, ... as Pillow, which rounds down.
  CHECK(decode(bmp(1, 1, 16, number(0x7fff & (31 << 10 | 1 << 5 | 16)))).pixels ==
        std::vector<uint8_t>{255, 8, 131});
  CHECK(decode(masked(16, rgb565, number(31 << 11 | 32 << 5 | 1))).pixels ==
        std::vector<uint8_t>{255, 129, 8});
  CHECK(decode(masked(32, rgba, "abcx", 124)).pixels == std::vector<uint8_t>{'a', 'b', 'c'});
  CHECK(decode(masked(32, number(0x3ff00000) + number(0xffc00) + number(0x3ff),
                      number(1023u << 20 | 512u << 10)))
            .pixels == std::vector<uint8_t>{255, 127, 0});
  CHECK(refusal(masked(16, number(0xf800) + number(0) + number(0x1f), number(0))) ==
        "is a damaged BMP image (its masks of the channels are wrong)");
  CHECK(refusal(masked(16, number(0xf800) + number(0x0500) + number(0x1f), number(0))) ==
        "is a damaged BMP image (its masks of the channels are wrong)");
  std::string packed = bmp(1, 1, 8, number(0));
  packed.replace(30, 4, number(1));
  CHECK(refusal(packed) ==
        "is a BMP image of a kind that is not read (8 bits, compression 1, run lengths, header of "
        "40 bytes); save it as PNG");
}

}  // namespace
}  // namespace amcl
