// Damaged image files and Exif blocks (tests/data/fuzz.h).
#include <doctest/doctest.h>
#include <zlib.h>

#include "data/decode/decode.h"
#include "data/decode/exif.h"
#include "tests/data/encode.h"
#include "tests/data/fuzz.h"

namespace amcl {
namespace {

// Larger ones are left to the limit's own test: they cost time and find nothing.
constexpr int64_t kMostPixels = 1'000'000;

std::span<const uint8_t> span_of(const std::string& file) {
  return {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
}

// `repaired` of half of the files are read.
void fuzz_images(const std::vector<std::string>& seeds,
                 const std::function<std::string(std::string)>& repaired = nullptr) {
  ImageDecoder decoder;
  DecodedImage image;
  fuzz_content(seeds, [&](const std::string& changed, RandomStream& random) {
    const bool repair = repaired && random.below(2) == 0;
    const std::string file = repair ? repaired(changed) : changed;
    const std::span<const uint8_t> content = span_of(file);
    const ImageExtent extent = decoder.extent(content);
    if (extent.height * extent.width > kMostPixels) return;
    decoder.decode(content, image);
    CHECK(image.pixels.size() >= static_cast<size_t>(extent.height * extent.width * 3));
    const ImageBox box{extent.height / 3, extent.width / 3, (extent.height + 2) / 3,
                       (extent.width + 2) / 3};
    decoder.decode(content, box, int64_t{1} << random.below(4), image);
  });
}

TEST_CASE("fuzz: JPEG") {
  std::vector<std::string> seeds;
  const std::vector<uint8_t> pixels = picture(40, 48);
  for (const bool progressive : {false, true})
    for (const int sampling : {1, 2})
      seeds.push_back(encode_jpeg(pixels, 40, 48,
                                  {.horizontal_sampling = sampling,
                                   .vertical_sampling = sampling,
                                   .progressive = progressive,
                                   .restart_rows = sampling - 1,
                                   .orientation = sampling * 3}));
  seeds.push_back(encode_jpeg(picture(16, 16, 1), 16, 16, {.components = 1}));
  seeds.push_back(encode_jpeg(picture(16, 16, 4), 16, 16, {.components = 4}));
  fuzz_images(seeds);
}

// With the right checksum in every chunk, so that damage reaches what lies behind it.
std::string with_checksums(std::string png) {
  const auto byte = [&](size_t place) { return static_cast<uint8_t>(png[place]); };
  size_t chunk = 8;  // length, type, content, checksum
  while (chunk + 12 <= png.size()) {
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | byte(chunk + i);
    if (length > png.size() - chunk - 12) break;
    const auto* begin = reinterpret_cast<const Bytef*>(png.data()) + chunk + 4;
    const uLong sum = crc32(0, begin, static_cast<uInt>(length + 4));
    for (size_t i = 0; i < 4; ++i)
      png[chunk + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    chunk += length + 12;
  }
  return png;
}

TEST_CASE("fuzz: PNG") {
  fuzz_images(
      {encode_png(picture(20, 24), 20, 24), encode_png(picture(9, 7), 9, 7, {.interlaced = true}),
       encode_png(picture(6, 5, 4), 6, 5, {.color_type = 6}),
       encode_png(picture(6, 10, 1), 6, 5, {.color_type = 0, .depth = 16}),
       encode_png({1, 0, 0, 1}, 2, 2, {.color_type = 3, .palette = {9, 8, 7, 6, 5, 4}})},
      with_checksums);
}

TEST_CASE("fuzz: BMP and PNM") {
  std::string bmp("BM", 2);
  bmp += std::string(8, '\0') + std::string("\66\0\0\0\50\0\0\0\2\0\0\0\2\0\0\0\1\0\30\0", 20);
  bmp += std::string(24, '\0') + "bgrbgr..bgrbgr..";
  fuzz_images({bmp, "P6 # a comment\n2 2\n255\nabcdefghijkl", "P5 3 2 65535 abcdefghijkl"});
}

// Never refused: a damaged block means that the picture stands as it is stored.
TEST_CASE("fuzz: Exif") {
  const std::string big("MM\0*\0\0\0\10\0\2\1\0\0\3\0\0\0\1\0\7\0\0\1\22\0\3\0\0\0\1\0\6\0\0", 34);
  const std::string little("II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\10\0\0\0\0\0\0\0", 26);
  CHECK(read_orientation(span_of(big)).turned({2, 3}) == ImageExtent{3, 2});
  CHECK(read_orientation(span_of(little)).turned({2, 3}) == ImageExtent{3, 2});
  int64_t turned = 0;
  fuzz_content({big, little}, [&](const std::string& block, RandomStream&) {
    // In memory of its own, so that the sanitizer sees a byte read past the end.
    const std::vector<uint8_t> content(block.begin(), block.end());
    const Orientation orientation = read_orientation(content);
    const std::vector<uint8_t> stored(18);
    std::vector<uint8_t> upright(18);
    orientation.turn(stored, {2, 3}, upright.data());
    if (orientation.as_stored()) fail(ErrorKind::data, "without an orientation");
    ++turned;
  });
  CHECK(turned > 0);
}

}  // namespace
}  // namespace amcl
