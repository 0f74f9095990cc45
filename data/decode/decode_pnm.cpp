// PNM: "P5" (gray) or "P6" (RGB), width, height and largest value as text, one space, then the
// samples; of two bytes, the upper one first, where the largest value is above 255.
#include <algorithm>

#include "data/decode/decoders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

struct Header {
  ImageExtent extent;
  int64_t channels = 0;
  int64_t largest = 0;
  size_t begin = 0;  // of the samples

  int64_t samples() const { return extent.height * extent.width * channels; }
  int64_t sample_bytes() const { return largest > 255 ? 2 : 1; }
};

[[noreturn]] void fail_header() {
  fail(ErrorKind::data, "is a damaged PNM image (its header is not complete)");
}

bool is_space(uint8_t byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

// The next number; comments run from # to the end of a line.
int64_t read_number(std::span<const uint8_t> file, size_t& place) {
  constexpr int64_t kMost = 1'000'000'000;
  bool comment = false;
  for (; place < file.size(); ++place) {
    if (comment || file[place] == '#')
      comment = file[place] != '\n';
    else if (!is_space(file[place]))
      break;
  }
  const size_t begin = place;
  int64_t value = 0;
  for (; place < file.size() && file[place] >= '0' && file[place] <= '9' && value < kMost; ++place)
    value = value * 10 + (file[place] - '0');
  if (place == begin) fail_header();
  return value;
}

Header read_header(std::span<const uint8_t> file) {
  Header header;
  header.channels = file[1] == '6' ? 3 : 1;
  size_t place = 2;
  header.extent.width = read_number(file, place);
  header.extent.height = read_number(file, place);
  header.largest = read_number(file, place);
  if (place >= file.size() || !is_space(file[place])) fail_header();
  header.begin = place + 1;
  check_extent(header.extent.height, header.extent.width);
  if (header.largest < 1 || header.largest > 65535)
    fail(ErrorKind::data, "is a PNM image whose largest value is ", header.largest,
         "; 1 to 65535 are allowed");
  return header;
}

// Samples to pixels of which 255 is the largest value. Returns the end of what is written.
uint8_t* scale_row(const Header& header, const uint8_t* row, int64_t samples, uint8_t* out) {
  const int64_t repeat = header.channels == 1 ? 3 : 1;
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t value =
        header.sample_bytes() == 2 ? int64_t{row[2 * i]} << 8 | row[2 * i + 1] : row[i];
    const int64_t scaled =
        (std::min(value, header.largest) * 255 + header.largest / 2) / header.largest;
    out = std::fill_n(out, repeat, static_cast<uint8_t>(scaled));
  }
  return out;
}

}  // namespace

ImageExtent read_pnm_header(std::span<const uint8_t> file) {
  return read_header(file).extent;
}

void decode_pnm(std::span<const uint8_t> file, const ImageBox& box, std::vector<uint8_t>& pixels) {
  const Header header = read_header(file);
  const auto wanted = static_cast<size_t>(header.samples() * header.sample_bytes());
  const std::span<const uint8_t> samples = file.subspan(header.begin);
  if (samples.size() < wanted)
    fail(ErrorKind::data, "is a damaged PNM image (it ends ", wanted - samples.size(),
         " bytes too early)");
  const auto bytes = static_cast<size_t>(box.height * box.width * 3);
  if (pixels.size() < bytes) pixels.resize(bytes);
  const int64_t row_samples = box.width * header.channels;
  uint8_t* out = pixels.data();
  for (int64_t y = box.top; y < box.top + box.height; ++y) {
    const int64_t first = (y * header.extent.width + box.left) * header.channels;
    const uint8_t* row = samples.data() + first * header.sample_bytes();
    out = header.channels == 3 && header.largest == 255 ? std::copy_n(row, row_samples, out)
                                                        : scale_row(header, row, row_samples, out);
  }
}

}  // namespace amcl
