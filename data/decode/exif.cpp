#include "data/decode/exif.h"

#include <algorithm>
#include <utility>

namespace amcl {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kByteType = 1;
constexpr uint32_t kShortType = 3;
constexpr uint32_t kLongType = 4;

// Numbers of a TIFF block in its byte order; 0 beyond its end.
class TiffNumbers {
 public:
  explicit TiffNumbers(std::span<const uint8_t> bytes)
      : bytes_(bytes), little_(!bytes.empty() && bytes[0] == 'I') {}

  uint32_t u8(size_t offset) const { return number(offset, 1); }
  uint32_t u16(size_t offset) const { return number(offset, 2); }
  uint32_t u32(size_t offset) const { return number(offset, 4); }

 private:
  uint32_t number(size_t offset, size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i)
      value = value << 8 | bytes_[offset + (little_ ? size - 1 - i : i)];
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool little_;
};

// The standard says SHORT; some programs write LONG or BYTE. A value stands at the front of its
// field.
Orientation orientation_of(const TiffNumbers& numbers, size_t entry) {
  const size_t value = entry + 8;
  switch (numbers.u16(entry + 2)) {
    case kByteType:
      return Orientation(numbers.u8(value));
    case kShortType:
      return Orientation(numbers.u16(value));
    case kLongType:
      return Orientation(numbers.u32(value));
    default:
      return Orientation();
  }
}

}  // namespace

ImageBox Orientation::stored_box(ImageBox box, ImageExtent stored) const {
  if (transposed_) box = {box.left, box.top, box.width, box.height};
  if (mirrored_rows_) box.top = stored.height - box.top - box.height;
  if (mirrored_columns_) box.left = stored.width - box.left - box.width;
  return box;
}

ImageBox Orientation::upright_box(ImageBox box, ImageExtent stored) const {
  if (mirrored_rows_) box.top = stored.height - box.top - box.height;
  if (mirrored_columns_) box.left = stored.width - box.left - box.width;
  return transposed_ ? ImageBox{box.left, box.top, box.width, box.height} : box;
}

void Orientation::turn(std::span<const uint8_t> stored, ImageExtent extent,
                       uint8_t* upright) const {
  const ImageExtent result = turned(extent);
  for (int64_t y = 0; y < result.height; ++y)
    for (int64_t x = 0; x < result.width; ++x) {
      int64_t row = transposed_ ? x : y;
      int64_t column = transposed_ ? y : x;
      if (mirrored_rows_) row = extent.height - 1 - row;
      if (mirrored_columns_) column = extent.width - 1 - column;
      const uint8_t* pixel = stored.data() + (row * extent.width + column) * 3;
      upright = std::copy_n(pixel, 3, upright);
    }
}

Orientation read_orientation(std::span<const uint8_t> tiff) {
  const TiffNumbers numbers(tiff);
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M') ||
      numbers.u16(2) != 42)
    return Orientation();
  const size_t directory = numbers.u32(4);
  const size_t entries = numbers.u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * 12;
    if (entry >= tiff.size()) break;
    if (numbers.u16(entry) == kOrientationTag) return orientation_of(numbers, entry);
  }
  return Orientation();
}

}  // namespace amcl
