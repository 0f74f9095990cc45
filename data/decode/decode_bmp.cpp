// BMP: a file header of 14 bytes, an image header, masks of the channels or a palette, then rows
// from the bottom up (from the top down if the height is negative), each filled up to 4 bytes.
#include <algorithm>
#include <array>
#include <bit>

#include "data/decode/decoders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kFileHeader = 14;
constexpr int64_t kCoreHeader = 12;   // of OS/2 1: extents of 16 bits, colors of three bytes
constexpr int64_t kImageHeader = 40;  // of Windows; later ones begin alike
constexpr int64_t kOs2Header = 64;    // begins alike too, but has no masks

// What `compression` says in headers of kImageHeader bytes and more.
constexpr int64_t kPlain = 0;
constexpr int64_t kMasks = 3;
constexpr int64_t kMasksWithAlpha = 6;

// Where a channel is in a pixel of 16 or 32 bits: `most`, from the lowest bit on, moved by `shift`.
struct ChannelMask {
  int shift = 0;
  uint32_t most = 0;

  ChannelMask() = default;
  explicit ChannelMask(uint32_t bits)
      : shift(bits == 0 ? 0 : std::countr_zero(bits)), most(bits >> shift) {}

  bool usable() const { return most != 0 && (most & (most + 1)) == 0; }
  // Of 255, rounded down as Pillow does.
  uint8_t of(uint32_t pixel) const {
    const uint32_t value = pixel >> shift & most;
    return static_cast<uint8_t>(most == 255 ? value : uint64_t{value} * 255 / most);
  }
};

struct Header {
  int64_t header_bytes = 0;
  ImageExtent extent;
  bool top_down = false;
  int64_t bits = 0;
  int64_t compression = kPlain;
  std::array<ChannelMask, 3> masks = {};  // red, green, blue of 16 and 32 bits
  size_t palette = 0;                     // place in the file
  int64_t colors = 0;                     // in the palette
  int64_t color_bytes = 4;                // blue, green, red, and 0 where there are four
  size_t begin = 0;                       // of the rows
  int64_t row_bytes = 0;
};

uint32_t little_endian(std::span<const uint8_t> file, size_t offset, size_t size) {
  uint32_t value = 0;
  for (size_t i = size; i > 0; --i) value = value << 8 | file[offset + i - 1];
  return value;
}

int64_t signed_number(std::span<const uint8_t> file, size_t offset) {
  return static_cast<int32_t>(little_endian(file, offset, 4));
}

[[noreturn]] void fail_damaged(const char* reason) {
  fail(ErrorKind::data, "is a damaged BMP image (", reason, ")");
}

[[noreturn]] void fail_kind(const Header& header) {
  const bool packed = header.compression == 1 || header.compression == 2;
  fail(ErrorKind::data, "is a BMP image of a kind that is not read (", header.bits,
       " bits, compression ", header.compression, packed ? ", run lengths" : "", ", header of ",
       header.header_bytes, " bytes); save it as PNG");
}

// Extents, bits and compression.
Header read_image_header(std::span<const uint8_t> file) {
  constexpr const char* kCut = "its header is not complete";
  if (file.size() < kFileHeader + 4) fail_damaged(kCut);
  Header header;
  header.header_bytes = little_endian(file, 14, 4);
  const bool core = header.header_bytes == kCoreHeader;
  if (!core && header.header_bytes < kImageHeader)
    fail(ErrorKind::data, "is a BMP image with a header of ", header.header_bytes,
         " bytes, which is of no kind that is read; save it as PNG");
  if (static_cast<int64_t>(file.size() - kFileHeader) < header.header_bytes) fail_damaged(kCut);
  if (core) {
    header.extent = {little_endian(file, 20, 2), little_endian(file, 18, 2)};
    header.bits = little_endian(file, 24, 2);
    header.color_bytes = 3;
  } else {
    const int64_t height = signed_number(file, 22);
    header.top_down = height < 0;
    header.extent = {header.top_down ? -height : height, signed_number(file, 18)};
    header.bits = little_endian(file, 28, 2);
    header.compression = little_endian(file, 30, 4);
  }
  check_extent(header.extent.height, header.extent.width);
  return header;
}

std::array<ChannelMask, 3> masks_of(uint32_t red, uint32_t green, uint32_t blue) {
  return {ChannelMask(red), ChannelMask(green), ChannelMask(blue)};
}

// Masks follow the header of kImageHeader bytes, and are part of longer ones: at the same place.
void read_masks(std::span<const uint8_t> file, Header& header) {
  if (header.bits == 16) header.masks = masks_of(0x7c00, 0x03e0, 0x001f);
  if (header.bits == 32) header.masks = masks_of(0xff0000, 0xff00, 0xff);
  if (header.compression == kPlain) return;
  constexpr size_t kPlace = 54;
  if (file.size() < kPlace + 12) fail_damaged("its header is not complete");
  header.masks = masks_of(little_endian(file, kPlace, 4), little_endian(file, kPlace + 4, 4),
                          little_endian(file, kPlace + 8, 4));
  for (const ChannelMask& mask : header.masks)
    if (!mask.usable()) fail_damaged("its masks of the channels are wrong");
}

void read_palette_place(std::span<const uint8_t> file, Header& header) {
  const int64_t most = int64_t{1} << header.bits;
  const int64_t said = header.header_bytes == kCoreHeader ? 0 : int64_t{little_endian(file, 46, 4)};
  header.colors = said == 0 ? most : said;
  header.palette = kFileHeader + static_cast<size_t>(header.header_bytes);
  if (header.colors > most ||
      file.size() - header.palette < static_cast<size_t>(header.colors * header.color_bytes))
    fail_damaged("its palette is not complete");
}

// Pixels of channels by masks, said or implied.
bool is_masked(int64_t bits) {
  return bits == 16 || bits == 32;
}

Header read_header(std::span<const uint8_t> file) {
  Header header = read_image_header(file);
  const bool masked = is_masked(header.bits);
  const bool known =
      header.bits == 1 || header.bits == 4 || header.bits == 8 || header.bits == 24 || masked;
  const bool has_masks = header.compression == kMasks || header.compression == kMasksWithAlpha;
  if (!known ||
      (header.compression != kPlain && !(has_masks && masked && header.header_bytes != kOs2Header)))
    fail_kind(header);
  if (masked) read_masks(file, header);
  if (header.bits <= 8) read_palette_place(file, header);
  header.begin = little_endian(file, 10, 4);
  header.row_bytes = (header.extent.width * header.bits + 31) / 32 * 4;
  const auto wanted = static_cast<size_t>(header.row_bytes * header.extent.height);
  if (header.begin > file.size() || file.size() - header.begin < wanted)
    fail_damaged("it ends too early");
  return header;
}

// Blue, green and red of pixel x, of a palette or 24 bits.
const uint8_t* color(std::span<const uint8_t> file, const Header& header, const uint8_t* row,
                     int64_t x) {
  if (header.bits == 24) return row + x * 3;
  const int64_t bit = x * header.bits;
  const int64_t index = row[bit / 8] >> (8 - header.bits - bit % 8) & ((1 << header.bits) - 1);
  if (index >= header.colors)
    fail(ErrorKind::data, "is a damaged BMP image (color ", index, " of a palette of ",
         header.colors, ")");
  return file.data() + header.palette + static_cast<size_t>(index * header.color_bytes);
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
  const bool masked = is_masked(header.bits);
  const auto pixel_bytes = static_cast<size_t>(header.bits / 8);
  for (int64_t y = 0; y < height; ++y) {
    const int64_t stored = header.top_down ? y : height - 1 - y;
    const std::span<const uint8_t> row =
        file.subspan(header.begin + static_cast<size_t>(stored * header.row_bytes));
    for (int64_t x = 0; x < header.extent.width; ++x, out += 3) {
      if (masked) {
        const uint32_t pixel =
            little_endian(row, static_cast<size_t>(x) * pixel_bytes, pixel_bytes);
        for (size_t channel = 0; channel < 3; ++channel)
          out[channel] = header.masks[channel].of(pixel);
      } else {
        const uint8_t* bgr = color(file, header, row.data(), x);
        std::reverse_copy(bgr, bgr + 3, out);
      }
    }
  }
}

}  // namespace amcl
