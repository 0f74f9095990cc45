// Small files that claim much: refused, or decoded in bounded time and memory.
#include <doctest/doctest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "data/decode/decode_memory.h"
#include "engine/core/check.h"
#include "engine/core/host_memory.h"
#include "tests/data/decoded.h"
#include "tests/data/encode.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

TEST_CASE("decode: dimensions are refused before anything is decoded") {
  const auto sized = [](uint32_t width, uint32_t height) {
    std::string file = encode_png({1, 2, 3}, 1, 1);
    for (size_t i = 0; i < 4; ++i) {
      file[16 + i] = static_cast<char>(width >> (24 - 8 * i));
      file[20 + i] = static_cast<char>(height >> (24 - 8 * i));
    }
    return file;
  };
  const std::string limit = " pixels, more than the 100000000 that are decoded";
  CHECK(refusal(sized(30000, 30000)) == "is 30000 x 30000" + limit);
  CHECK(refusal(sized(0x7fffffff, 2)) ==
        "is 2 x 2147483647 pixels; sides of up to 65535 are decoded");
  CHECK(refusal(sized(0, 4)) == "claims to be 4 x 0 pixels");
  CHECK(refusal("P6 30000 30000 255 abc") == "is 30000 x 30000" + limit);
  CHECK(refusal(bmp(-1, 2, 24, "")) == "claims to be 2 x -1 pixels");
  std::string jpeg = encode_jpeg(picture(16, 16), 16, 16);
  const size_t frame = jpeg.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\x75\x30\x75\x30");
  CHECK(refusal(jpeg) == "is 30000 x 30000" + limit);
  CHECK(decode(encode_png({1, 2, 3}, 1, 1)).pixels == std::vector<uint8_t>{1, 2, 3});
}

// A progressive JPEG, gray and black: one scan of the mean values, and `more` of the rest, each of them
// a few bytes that say that there is nothing more.
std::string scanned_often(int side, int more) {
  const auto segment = [](char type, const std::string& content) {
    const size_t length = content.size() + 2;
    return std::string{'\xff', type, static_cast<char>(length >> 8), static_cast<char>(length)} +
           content;
  };
  const auto scan = [&](char first, char last) {
    return segment('\xda', std::string{1, 1, 0, first, last, 0});
  };
  const auto one_code = [&](char table, char symbol) {
    return segment('\xc4', std::string{table, 1} + std::string(15, '\0') + symbol);
  };
  const auto blocks = static_cast<size_t>(side / 8 * (side / 8));
  constexpr size_t kRun = 1 << 14;  // blocks, by a code of one bit and 14 bits more
  const std::string high{static_cast<char>(side >> 8), static_cast<char>(side)};
  std::string file = "\xff\xd8" + segment('\xdb', '\0' + std::string(64, '\1')) +
                     segment('\xc2', '\x08' + high + high + std::string{1, 1, 0x11, 0}) +
                     one_code('\x00', '\x00') + one_code('\x10', '\xe0') + scan(0, 0) +
                     std::string(blocks / 8, '\0');
  for (int i = 0; i < more; ++i)
    file += scan(1, 63) + std::string((blocks / kRun * 15 + 7) / 8, '\0');
  return file + "\xff\xd9";
}

TEST_CASE("decode: a small JPEG cannot make the decoder pass over many pixels many times") {
  CHECK(decode(scanned_often(1024, 99)).extent == ImageExtent{1024, 1024});
  CHECK(refusal(scanned_often(1024, 120)).find("scan 101 of") != std::string::npos);
  CHECK(refusal(scanned_often(4096, 95)) ==
        "is a damaged JPEG image (scan 90 of 16777216 pixels: more than are decoded)");
}

TEST_CASE("decode: text in a PNG is not unpacked") {
  constexpr size_t kText = size_t{7} << 20;
  std::string packed(compressBound(kText), '\0');
  uLongf size = packed.size();
  const std::string text(kText, 'a');
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                   reinterpret_cast<const Bytef*>(text.data()), text.size()) == Z_OK);
  const std::string content = "zTXt" + std::string("k\0\0", 3) + packed.substr(0, size);
  const std::string chunk = png_chunk(content);
  std::string file = encode_png({1, 2, 3}, 1, 1);
  for (int i = 0; i < 40; ++i) file.insert(file.find("IDAT") - 4, chunk);
  CHECK(test::holds_in_child([&] {
    const int64_t before = peak_resident_bytes();
    return decode(file).pixels == std::vector<uint8_t>{1, 2, 3} &&
           peak_resident_bytes() - before < (int64_t{64} << 20);
  }));
}

TEST_CASE("decode: a large image waits until there is memory for it") {
  constexpr int64_t kSide = 2400;  // 17 MB
  const std::string large =
      concat_text("P6 ", kSide, ' ', kSide, " 255 ", std::string(kSide * kSide * 3, 'x'));
  const std::string small = "P6 1 1 255 abc";
  constexpr int64_t kMost = int64_t{20} << 20;
  DecodeMemory memory(kMost);
  std::atomic<bool> done = false;
  std::optional<DecodeShare> other(std::in_place, &memory, kMost);
  std::thread thread([&] {
    ImageDecoder decoder(&memory);
    DecodedImage image;
    decoder.decode(bytes_of(small), image);  // does not wait
    decoder.decode(bytes_of(large), image);
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK_FALSE(done);
  other.reset();
  thread.join();
  CHECK(done);
  const DecodeShare larger_than_all(&memory, 2 * kMost);  // is alone
}

}  // namespace
}  // namespace amcl
