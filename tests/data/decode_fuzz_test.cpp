// Damaged image files by the thousand: each gives an error or an image, never anything else. Runs
// for AMCL_FUZZ_SECONDS (60) on each format; meant for the preset asan.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "data/decode.h"
#include "engine/core/check.h"
#include "engine/core/philox.h"
#include "tests/data/encode.h"

namespace amcl {
namespace {

using Clock = std::chrono::steady_clock;

// Larger ones are left to the limit's own test: they cost time and find nothing.
constexpr int64_t kMostPixels = 1'000'000;

double fuzz_seconds() {
  const char* text = std::getenv("AMCL_FUZZ_SECONDS");
  return text != nullptr ? std::atof(text) : 60.0;
}

void mutate(RandomStream& random, std::string& file) {
  const auto below = [&](size_t count) {
    return static_cast<size_t>(random.below(static_cast<uint32_t>(std::max<size_t>(count, 1))));
  };
  for (size_t change = 1 + below(4); change > 0 && !file.empty(); --change) {
    const size_t place =
        below(2) == 0 ? below(std::min<size_t>(file.size(), 64)) : below(file.size());
    switch (below(6)) {
      case 0:
        file[place] = static_cast<char>(file[place] ^ 1 << below(8));
        break;
      case 1:
        file[place] = static_cast<char>(below(256));
        break;
      case 2:
        file[place] = below(2) == 0 ? '\0' : '\xff';
        break;
      case 3:
        file.resize(below(file.size()));
        break;
      case 4:
        file.insert(place, file.substr(below(file.size()), below(40)));
        break;
      default:
        file.erase(place, below(20));
        break;
    }
  }
}

void fuzz(const std::vector<std::string>& seeds) {
  RandomStream random(17, RandomPurpose::synthetic, 0, 0, 0);
  ImageDecoder decoder;
  DecodedImage image;
  int64_t decoded = 0;
  int64_t refused = 0;
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                   std::chrono::duration<double>(fuzz_seconds()));
  while (Clock::now() < end) {
    std::string file = seeds[random.below(static_cast<uint32_t>(seeds.size()))];
    mutate(random, file);
    const std::span content(reinterpret_cast<const uint8_t*>(file.data()), file.size());
    try {
      const ImageExtent extent = decoder.extent(content);
      if (extent.height * extent.width > kMostPixels) continue;
      decoder.decode(content, image);
      CHECK(image.pixels.size() >= static_cast<size_t>(extent.height * extent.width * 3));
      const ImageBox box{extent.height / 3, extent.width / 3, (extent.height + 2) / 3,
                         (extent.width + 2) / 3};
      decoder.decode(content, box, int64_t{1} << random.below(4), image);
      ++decoded;
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::data);
      ++refused;
    }
  }
  MESSAGE(decoded, " decoded, ", refused, " refused");
  CHECK(decoded > 0);
  CHECK(refused > 0);
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
                                   .orientation = sampling * 3}));
  seeds.push_back(encode_jpeg(picture(16, 16, 1), 16, 16, {.components = 1}));
  seeds.push_back(encode_jpeg(picture(16, 16, 4), 16, 16, {.components = 4}));
  fuzz(seeds);
}

TEST_CASE("fuzz: PNG") {
  fuzz({encode_png(picture(20, 24), 20, 24), encode_png(picture(9, 7), 9, 7, {.interlaced = true}),
        encode_png(picture(6, 5, 4), 6, 5, {.color_type = 6}),
        encode_png(picture(6, 10, 1), 6, 5, {.color_type = 0, .depth = 16}),
        encode_png({1, 0, 0, 1}, 2, 2, {.color_type = 3, .palette = {9, 8, 7, 6, 5, 4}})});
}

TEST_CASE("fuzz: BMP and PNM") {
  std::string bmp("BM", 2);
  bmp += std::string(8, '\0') + std::string("\66\0\0\0\50\0\0\0\2\0\0\0\2\0\0\0\1\0\30\0", 20);
  bmp += std::string(24, '\0') + "bgrbgr..bgrbgr..";
  fuzz({bmp, "P6 # a comment\n2 2\n255\nabcdefghijkl", "P5 3 2 65535 abcdefghijkl"});
}

}  // namespace
}  // namespace amcl
