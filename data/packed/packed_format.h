// A packed set: one file that holds the images of a data set with their labels and names. Numbers
// are little endian, offsets count from the start of the file.
//
//   header    192 bytes: PackedHeader
//   records   for each image: RecordHead (32 bytes), then `length` bytes, which are an image file:
//             the very file that was packed, or the pixels as binary PNM ("P6 width height 255\n",
//             then u8 RGB row by row) where the set held pixels or images were resized
//   index     PackedEntry (32 bytes) for each image
//             u64 for each image and one more: where its name begins among the bytes of names
//             the bytes of names, without separators
//             texts: name of the set, what it was recognised as, u32 number of classes, names of
//             the classes; each text a u32 length and its bytes
//
// The index ends the file. Every byte is under a CRC-32C: the header under its own, a record's head
// under its own, an image under the one in its head and in its entry, the index under the one in
// the header. Images stand in the order of the source, training before test before unlabeled ones.
//
// While a set is packed, the records behind a header with complete = 0 are its journal: a later
// writer keeps those that are whole.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/io/crc32c.h"

namespace amcl {

static_assert(std::endian::native == std::endian::little);

// As in PNG: a transfer as text or with seven bits damages it visibly.
inline constexpr std::array<uint8_t, 8> kPackedMagic = {0x89, 'A', 'M', 'C', 'L', '\r', '\n', 0x1a};
inline constexpr uint32_t kPackedVersion = 1;

// Of Dataset::layout; the layout of the source that was packed follows.
inline constexpr std::string_view kPackedPrefix = "packed, ";

// Mean and deviation of the channels, f32, of values in [0, 1].
struct PackedMeasure {
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};
  std::array<float, 3> deviation = {1.0f, 1.0f, 1.0f};
};

struct PackedHeader {
  std::array<uint8_t, 8> magic = kPackedMagic;  //   0
  uint32_t version = kPackedVersion;            //   8
  uint32_t complete = 0;  //  12  0: the records are followed by nothing; 1: by the index
  uint64_t settings = 0;  //  16  hash of how images were packed: what a resumed writer must share
  uint64_t images = 0;    //  24
  uint64_t index_offset = 0;  //  32
  uint64_t index_bytes = 0;   //  40
  uint32_t index_crc = 0;     //  48
  uint32_t divided = 0;  //  52  1: the source has its own parts; 0: --val-fraction may divide it
  uint32_t height = 0;   //  56  of every image; 0: they differ
  uint32_t width = 0;    //  60
  uint32_t size = 0;     //  64  side of a view where none is asked for; 0: as the images
  std::array<PackedMeasure, 3> measures{};  //  68  of training, test and unlabeled images
  std::array<uint32_t, 12> reserved{};      // 140  zeros
  uint32_t crc = 0;                         // 188  of the bytes before
};
static_assert(sizeof(PackedHeader) == 192);

struct RecordHead {
  uint64_t stamp =
      0;  //  0  hash of settings, part, name, label and state of the image in the source
  uint32_t image = 0;   //  8  number in the source; damaged images that were left out are counted
  uint32_t length = 0;  // 12
  uint32_t image_crc = 0;  // 16
  uint32_t height = 0;     // 20
  uint32_t width = 0;      // 24
  uint32_t crc = 0;        // 28  of the bytes before
};
static_assert(sizeof(RecordHead) == 32);

// Of a header or a record's head, both of which end with it.
template <class T>
uint32_t packed_crc(const T& value) {
  return crc32c(std::as_bytes(std::span(&value, 1)).first(offsetof(T, crc)));
}

struct PackedEntry {
  uint64_t offset = 0;     //  0  of the image, behind the head of its record
  uint32_t length = 0;     //  8
  uint32_t image_crc = 0;  // 12
  uint32_t height = 0;     // 16
  uint32_t width = 0;      // 20
  int32_t label = -1;      // 24  -1: the image has none
  uint32_t part = 0;       // 28  0: training, 1: test, 2: unlabeled
};
static_assert(sizeof(PackedEntry) == 32);

}  // namespace amcl
