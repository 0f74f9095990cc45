#include "tests/data/archives.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace amcl {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kSizeOffset = 124;
constexpr size_t kSumOffset = 148;

std::string octal(size_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*zo", digits, value);
  return text;
}

void set_text(std::string& archive, size_t place, const std::string& text) {
  std::copy(text.begin(), text.end(), archive.begin() + static_cast<ptrdiff_t>(place));
}

void set_header_sum(std::string& archive, size_t header) {
  set_text(archive, header + kSumOffset, "        ");
  size_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += static_cast<uint8_t>(archive[header + i]);
  set_text(archive, header + kSumOffset, octal(sum, 6) + '\0');
}

size_t whole_blocks(size_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

std::string tar(const std::vector<TarEntry>& entries) {
  std::string archive;
  for (const TarEntry& entry : entries) {
    const size_t header = archive.size();
    archive.resize(header + kBlock, '\0');
    set_text(archive, header, entry.name);
    set_text(archive, header + 100, "0000644");
    set_text(archive, header + kSizeOffset, octal(entry.content.size(), 11));
    archive[header + 156] = entry.type;
    set_text(archive, header + 257, std::string("ustar\0", 6) + "00");
    set_header_sum(archive, header);
    archive += entry.content;
    archive.resize(whole_blocks(archive.size()), '\0');
  }
  return archive + std::string(2 * kBlock, '\0');
}

std::string with_header_sums(std::string archive) {
  for (size_t header = 0; header + kBlock <= archive.size();) {
    if (archive.find_first_not_of('\0', header) >= header + kBlock) break;
    set_header_sum(archive, header);
    const size_t size = std::strtoull(archive.substr(header + kSizeOffset, 12).c_str(), nullptr, 8);
    if (size > archive.size()) break;
    header += kBlock + whole_blocks(size);
  }
  return archive;
}

std::string gzipped(const std::string& bytes) {
  std::string packed(compressBound(bytes.size()) + 32, '\0');
  z_stream stream{};
  constexpr int kGzip = 15 + 16;  // window bits, and the format
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string source = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(source.data());
  stream.avail_in = static_cast<uInt>(source.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace amcl
