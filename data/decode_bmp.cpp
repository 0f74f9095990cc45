// BMP: a file header of 14 bytes, an image header, a palette of blue, green, red, 0, then rows from
// the bottom up (from the top down if the height is negative), each filled up to 4 bytes.
#include <algorithm>

#include "data/decoders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kFileHeader = 14;
constexpr size_t kImageHeader = 40;  // the oldest that is read; later ones begin alike

struct Header {
  ImageExtent extent;
  bool top_down = false;
  int64_t bits = 0;
  size_t palette = 0;  // place in the file
  int64_t colors = 0;  // in the palette
  size_t begin = 0;    // of the rows
  int64_t row_bytes = 0;
};

int64_t little_endian(std::span<const uint8_t> file, size_t offset, size_t size) {
  uint32_t value = 0;
  for (size_t i = size; i > 0; --i) value = value << 8 | file[offset + i - 1];
  return size == 4 ? int64_t{static_cast<int32_t>(value)} : int64_t{value};
}

bool uncompressed(std::span<const uint8_t> file, int64_t bits) {
  constexpr int64_t kPlain = 0;
  constexpr int64_t kMasks = 3;
  const int64_t compression = little_endian(file, 30, 4);
  if (compression == kPlain) return true;
  // Masks that say what 32 bits are anyway.
  return compression == kMasks && bits == 32 && file.size() >= 66 &&
         little_endian(file, 54, 4) == 0xff0000 && little_endian(file, 58, 4) == 0xff00 &&
         little_endian(file, 62, 4) == 0xff;
}

Header read_header(std::span<const uint8_t> file) {
  if (file.size() < kFileHeader + kImageHeader)
    fail(ErrorKind::data, "is a damaged BMP image (its header is not complete)");
  const int64_t header_bytes = little_endian(file, 14, 4);
  Header header;
  header.extent.width = little_endian(file, 18, 4);
  const int64_t height = little_endian(file, 22, 4);
  header.top_down = height < 0;
  header.extent.height = header.top_down ? -height : height;
  header.bits = little_endian(file, 28, 2);
  check_extent(header.extent.height, header.extent.width);
  const bool known = header.bits == 1 || header.bits == 4 || header.bits == 8 ||
                     header.bits == 24 || header.bits == 32;
  if (header_bytes < static_cast<int64_t>(kImageHeader) || !known ||
      !uncompressed(file, header.bits))
    fail(ErrorKind::data, "is a BMP image of a kind that is not read (", header.bits,
         " bits, compression ", little_endian(file, 30, 4), ", header of ", header_bytes,
         " bytes); save it as PNG");
  header.palette = kFileHeader + static_cast<size_t>(header_bytes);
  if (header.bits <= 8) {
    const int64_t most = int64_t{1} << header.bits;
    const int64_t colors = little_endian(file, 46, 4);
    header.colors = colors == 0 ? most : colors;
    if (colors < 0 || colors > most || header.palette > file.size() ||
        file.size() - header.palette < static_cast<size_t>(header.colors) * 4)
      fail(ErrorKind::data, "is a damaged BMP image (its palette is not complete)");
  }
  header.begin = static_cast<size_t>(little_endian(file, 10, 4) & 0xffffffff);
  header.row_bytes = (header.extent.width * header.bits + 31) / 32 * 4;
  const auto wanted = static_cast<size_t>(header.row_bytes * header.extent.height);
  if (header.begin > file.size() || file.size() - header.begin < wanted)
    fail(ErrorKind::data, "is a damaged BMP image (it ends too early)");
  return header;
}

// Blue, green and red of pixel x.
const uint8_t* color(std::span<const uint8_t> file, const Header& header, const uint8_t* row,
                     int64_t x) {
  if (header.bits >= 24) return row + x * (header.bits / 8);
  const int64_t bit = x * header.bits;
  const int64_t index = row[bit / 8] >> (8 - header.bits - bit % 8) & ((1 << header.bits) - 1);
  if (index >= header.colors)
    fail(ErrorKind::data, "is a damaged BMP image (color ", index, " of a palette of ",
         header.colors, ")");
  return file.data() + header.palette + static_cast<size_t>(index) * 4;
}

}  // namespace

ImageExtent read_bmp_header(std::span<const uint8_t> file) {
  return read_header(file).extent;
}

void decode_bmp(std::span<const uint8_t> file, std::vector<uint8_t>& pixels) {
  const Header header = read_header(file);
  const int64_t height = header.extent.height;
  const auto bytes = static_cast<size_t>(height * header.extent.width * 3);
  if (pixels.size() < bytes) pixels.resize(bytes);
  uint8_t* out = pixels.data();
  for (int64_t y = 0; y < height; ++y) {
    const int64_t stored = header.top_down ? y : height - 1 - y;
    const uint8_t* row = file.data() + header.begin + stored * header.row_bytes;
    for (int64_t x = 0; x < header.extent.width; ++x, out += 3) {
      const uint8_t* bgr = color(file, header, row, x);
      std::reverse_copy(bgr, bgr + 3, out);
    }
  }
}

}  // namespace amcl
