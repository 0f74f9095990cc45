#include "data/decode/decode.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/check.h"
#include "engine/core/philox.h"
#include "tests/data/decoded.h"
#include "tests/data/encode.h"

namespace amcl {
namespace {

// `box` of the whole image.
std::vector<uint8_t> cut(const Whole& whole, const ImageBox& box) {
  std::vector<uint8_t> pixels;
  for (int64_t y = box.top; y < box.top + box.height; ++y) {
    const auto begin = whole.pixels.begin() + (y * whole.extent.width + box.left) * 3;
    pixels.insert(pixels.end(), begin, begin + box.width * 3);
  }
  return pixels;
}

ImageBox random_box(RandomStream& random, const ImageExtent& extent) {
  const auto below = [&](int64_t count) { return random.below(static_cast<uint32_t>(count)); };
  ImageBox box;
  box.height = 1 + below(extent.height);
  box.width = 1 + below(extent.width);
  box.top = below(extent.height - box.height + 1);
  box.left = below(extent.width - box.width + 1);
  return box;
}

TEST_CASE("decode: JPEG gives the picture back, whatever the sampling") {
  const std::vector<uint8_t> pixels = picture(70, 93);
  for (const auto& [h, v] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}})
    for (const bool progressive : {false, true}) {
      const Whole whole = decode(encode_jpeg(
          pixels, 70, 93,
          {.horizontal_sampling = h, .vertical_sampling = v, .progressive = progressive}));
      CHECK(whole.extent == ImageExtent{70, 93});
      double sum = 0.0;
      for (size_t i = 0; i < pixels.size(); ++i) sum += std::abs(whole.pixels[i] - pixels[i]);
      CHECK(sum / static_cast<double>(pixels.size()) < 8.0);
    }
}

// Boxes of the file give the pixels of the whole image, to the bit.
void check_boxes(const std::string& file, int count, RandomStream& random) {
  const Whole whole = decode(file);
  ImageDecoder decoder;
  DecodedImage image;
  for (int trial = 0; trial < count; ++trial) {
    const ImageBox box = random_box(random, whole.extent);
    decoder.decode(bytes_of(file), box, 1, image);
    image.pixels.resize(image.bytes());
    INFO("box ", box.top, " ", box.left, " ", box.height, " ", box.width);
    CHECK(image.box == box);
    CHECK(image.pixels == cut(whole, box));
  }
}

TEST_CASE("decode: a box of a JPEG has the bits of the whole image") {
  RandomStream random(5, RandomPurpose::synthetic, 0, 0, 0);
  const std::vector<uint8_t> pixels = picture(133, 150);
  for (const std::pair<int, int>& sampling : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}})
    for (const bool progressive : {false, true})
      for (const int restart_rows : {0, 1, 3})
        for (const int orientation : {0, 6}) {
          const int h = sampling.first;
          const int v = sampling.second;
          INFO(h, "x", v, " progressive ", progressive, " restart after ", restart_rows,
               " orientation ", orientation);
          check_boxes(encode_jpeg(pixels, 133, 150,
                                  {.horizontal_sampling = h,
                                   .vertical_sampling = v,
                                   .progressive = progressive,
                                   .restart_rows = restart_rows,
                                   .orientation = orientation}),
                      8, random);
        }
}

TEST_CASE("decode: a box of a PNM has the bits of the whole image") {
  RandomStream random(7, RandomPurpose::synthetic, 0, 0, 0);
  const auto text = [](const std::vector<uint8_t>& samples) {
    return std::string(samples.begin(), samples.end());
  };
  check_boxes("P6 23 17 255 " + text(picture(17, 23)), 20, random);
  check_boxes("P5 23 17 200 " + text(picture(17, 23, 1)), 20, random);
  check_boxes("P6 23 17 65535 " + text(picture(17, 46)), 20, random);
}

TEST_CASE("decode: a box of a JPEG has the bits of the whole image, gray, CMYK and turned") {
  RandomStream random(6, RandomPurpose::synthetic, 0, 0, 0);
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const int components : {1, 3, 4})
      for (const bool progressive : {false, true}) {
        INFO(components, " components, progressive ", progressive, " orientation ", orientation);
        check_boxes(encode_jpeg(picture(61, 83, components), 61, 83,
                                {.components = components,
                                 .progressive = progressive,
                                 .restart_rows = 2,
                                 .orientation = orientation}),
                    6, random);
      }
}

TEST_CASE("decode: a reduced JPEG covers the box and shows the same picture") {
  const std::vector<uint8_t> pixels = picture(96, 128);
  for (const int orientation : {0, 8}) {
    const std::string file = encode_jpeg(pixels, 96, 128, {.orientation = orientation});
    const Whole whole = decode(file);
    ImageDecoder decoder;
    DecodedImage image;
    decoder.decode(bytes_of(file), {16, 24, 48, 64}, 4, image);
    CHECK(image.reduction == 4);
    CHECK(image.box == ImageBox{4, 6, 12, 16});
    double difference = 0.0;
    for (int64_t y = 0; y < 12; ++y)
      for (int64_t x = 0; x < 16; ++x) {
        double mean = 0.0;
        for (int64_t i = 0; i < 16; ++i)
          mean += whole.pixels[static_cast<size_t>(
              ((16 + 4 * y + i / 4) * whole.extent.width + 24 + 4 * x + i % 4) * 3)];
        difference += std::abs(mean / 16.0 - image.pixels[static_cast<size_t>((y * 16 + x) * 3)]);
      }
    CHECK(difference / (12 * 16) < 3.0);
  }
}

TEST_CASE("decode: the Exif orientation turns the picture upright") {
  // Letters of a 2 x 3 picture as it is stored; each a block of 16 x 16 pixels.
  const std::string stored = "abcdef";
  std::vector<uint8_t> pixels(32 * 48);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 48; ++x)
      pixels[static_cast<size_t>(y * 48 + x)] =
          static_cast<uint8_t>(stored[static_cast<size_t>(y / 16 * 3 + x / 16)]);
  const std::string upright[] = {"abcdef", "cbafed", "fedcba", "defabc",
                                 "adbecf", "daebfc", "fcebda", "cfbead"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Whole whole =
        decode(encode_jpeg(pixels, 32, 48, {.components = 1, .orientation = orientation}));
    const int columns = orientation <= 4 ? 3 : 2;
    REQUIRE(whole.extent == ImageExtent{6 / columns * 16, columns * 16});
    std::string seen;
    for (int row = 0; row < 6 / columns; ++row)
      for (int column = 0; column < columns; ++column)
        seen += static_cast<char>(whole.pixels[static_cast<size_t>(
            ((row * 16 + 8) * columns * 16 + column * 16 + 8) * 3)]);
    CHECK(seen == upright[orientation - 1]);
  }
}

TEST_CASE("decode: CMYK JPEG is the same picture with and without the marker of Adobe") {
  const std::string file = encode_jpeg(picture(16, 16, 4), 16, 16, {.components = 4});
  const size_t marker = file.find("\xff\xee");
  REQUIRE(marker != std::string::npos);
  std::string without = file;
  without.erase(marker, 16);  // the marker, its length and 12 bytes
  REQUIRE(without.find("Adobe") == std::string::npos);
  CHECK(decode(without).pixels == decode(file).pixels);
}

TEST_CASE("decode: gray and CMYK JPEG become RGB") {
  const std::vector<uint8_t> gray(64, 77);
  const Whole from_gray = decode(encode_jpeg(gray, 8, 8, {.components = 1}));
  CHECK(from_gray.pixels == std::vector<uint8_t>(192, 77));
  // Inverted inks: (1 - C)(1 - K) = 200/255 * 128/255 of white, and so on.
  std::vector<uint8_t> inks;
  for (int i = 0; i < 64; ++i) inks.insert(inks.end(), {200, 100, 50, 128});
  const Whole from_inks = decode(encode_jpeg(inks, 8, 8, {.components = 4, .quality = 100}));
  CHECK(std::abs(from_inks.pixels[0] - 100) <= 2);
  CHECK(std::abs(from_inks.pixels[1] - 50) <= 2);
  CHECK(std::abs(from_inks.pixels[2] - 25) <= 2);
}

TEST_CASE("decode: PNG of every colour type and depth") {
  const std::vector<uint8_t> pixels = picture(9, 7);
  for (const bool interlaced : {false, true})
    CHECK(decode(encode_png(pixels, 9, 7, {.interlaced = interlaced})).pixels == pixels);

  const std::vector<uint8_t> gray = {10, 20, 30, 40};
  const std::vector<uint8_t> repeated = {10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40};
  CHECK(decode(encode_png(gray, 2, 2, {.color_type = 0})).pixels == repeated);
  // The alpha is dropped, the colour under it kept.
  CHECK(decode(encode_png({10, 0, 20, 255, 30, 7, 40, 128}, 2, 2, {.color_type = 4})).pixels ==
        repeated);
  CHECK(decode(encode_png({1, 2, 3, 0, 4, 5, 6, 255}, 1, 2, {.color_type = 6})).pixels ==
        std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
  // Of 16 bits the upper eight.
  CHECK(decode(encode_png({10, 200, 20, 0}, 1, 2, {.color_type = 0, .depth = 16})).pixels ==
        std::vector<uint8_t>{10, 10, 10, 20, 20, 20});
  CHECK(decode(encode_png({0b10100000}, 1, 3, {.color_type = 0, .depth = 1})).pixels ==
        std::vector<uint8_t>{255, 255, 255, 0, 0, 0, 255, 255, 255});
  CHECK(decode(encode_png({1, 0}, 1, 2, {.color_type = 3, .palette = {9, 8, 7, 6, 5, 4}})).pixels ==
        std::vector<uint8_t>{6, 5, 4, 9, 8, 7});
}

TEST_CASE("decode: PNM with comments, gray and 16 bits") {
  CHECK(decode("P6 # a comment\n2 1\n255\nabcdef").pixels ==
        std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'});
  CHECK(decode("P5\n1 2\n15\n" + std::string("\5\17", 2)).pixels ==
        std::vector<uint8_t>{85, 85, 85, 255, 255, 255});
  CHECK(decode(std::string("P5 1 1 65535 ") + std::string("\x80\x00", 2)).pixels ==
        std::vector<uint8_t>{128, 128, 128});
  CHECK(refusal("P6 2 1 255 abcde") == "is a damaged PNM image (it ends 1 bytes too early)");
  CHECK(refusal("P6 2") == "is a damaged PNM image (its header is not complete)");
  CHECK(refusal("P5 1 1 0 a") == "is a PNM image whose largest value is 0; 1 to 65535 are allowed");
  CHECK(refusal("P2 1 1 255 7") == "is no image; JPEG, PNG, BMP and PNM (P5, P6) are read");
}

TEST_CASE("decode: a file that is cut anywhere is never used") {
  const std::vector<uint8_t> pixels = picture(40, 48);
  ImageDecoder decoder;
  DecodedImage image;
  const std::string files[] = {encode_jpeg(pixels, 40, 48),
                               encode_jpeg(pixels, 40, 48, {.progressive = true}),
                               encode_png(pixels, 40, 48)};
  for (const std::string& file : files)
    for (size_t length = 0; length < file.size(); length += 7) {
      const std::string part = file.substr(0, length);
      CHECK(refusal(part) != "no error");
      // Not even for a box at the top.
      CHECK_THROWS_AS(decoder.decode(bytes_of(part), {0, 0, 4, 4}, 1, image), Error);
    }
  // And the decoder goes on.
  decoder.decode(bytes_of(files[0]), {0, 0, 4, 4}, 1, image);
  CHECK(image.bytes() == 48);
}

TEST_CASE("decode: a PNG with a changed byte is noticed by its checksums") {
  const std::string file = encode_png(picture(20, 20), 20, 20);
  for (size_t place = 8; place < file.size(); place += 5) {
    std::string changed = file;
    changed[place] = static_cast<char>(changed[place] ^ 4);
    CHECK(refusal(changed) != "no error");
  }
}

TEST_CASE("decode: other formats are named") {
  const std::string rest = "; JPEG, PNG, BMP and PNM (P5, P6) are read";
  CHECK(refusal("") == "is empty" + rest);
  CHECK(refusal("GIF89a") == "is a GIF image" + rest);
  CHECK(refusal("RIFF....WEBPVP8 ") == "is a WebP image" + rest);
  CHECK(refusal("hello") == "is no image" + rest);
}

}  // namespace
}  // namespace amcl
