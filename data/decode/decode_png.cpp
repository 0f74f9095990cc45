// PNG by libpng. As in decode_jpeg.cpp, errors jump back over objects without destructors only.
#include <png.h>
#include <setjmp.h>
#include <stdio.h>

#include <cstring>
#include <string>

#include "data/decode/decoders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kSignatureBytes = 8;

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// Where the library reads and complains.
struct Source {
  const uint8_t* next = nullptr;
  size_t left = 0;
  char message[200] = {};
};

void on_read(png_structp png, png_bytep bytes, size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->left) png_error(png, "it ends too early");
  std::memcpy(bytes, source->next, count);
  source->next += count;
  source->left -= count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  snprintf(source->message, sizeof source->message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> file) {
    source_.next = file.data();
    source_.left = file.size();
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail(ErrorKind::internal, "libpng has no memory");
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  // To eight bits of red, green and blue.
  void start(const ImageExtent& extent) {
    if (setjmp(png_jmpbuf(png_)) != 0) fail_decoding();
    png_set_read_fn(png_, &source_, on_read);
    // Of text and profiles, a thousand chunks could each become megabytes.
    constexpr int kAllThatAreNotPixels = -1;
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, kAllThatAreNotPixels);
    png_read_info(png_, info_);
    if (png_get_image_height(png_, info_) != static_cast<png_uint_32>(extent.height) ||
        png_get_image_width(png_, info_) != static_cast<png_uint_32>(extent.width))
      png_error(png_, "two headers");
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != static_cast<size_t>(extent.width) * 3)
      png_error(png_, "unexpected layout");
  }

  void read_rows(uint8_t* pixels, const ImageExtent& extent) {
    if (setjmp(png_jmpbuf(png_)) != 0) fail_decoding();
    for (int pass = 0; pass < passes_; ++pass)
      for (int64_t y = 0; y < extent.height; ++y)
        png_read_row(png_, pixels + y * extent.width * 3, nullptr);
    png_read_end(png_, nullptr);
  }

 private:
  [[noreturn]] void fail_decoding() {
    fail(ErrorKind::data, "is a damaged PNG image (", source_.message, ")");
  }

  Source source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

// The eXIf chunk, before the pixels or behind them.
Orientation find_orientation(std::span<const uint8_t> file) {
  constexpr size_t kFrame = 12;  // length, name and checksum of a chunk
  size_t offset = kSignatureBytes;
  while (offset < file.size() && file.size() - offset >= kFrame) {
    const size_t length = big_endian(file.data() + offset);
    const uint8_t* name = file.data() + offset + 4;
    if (length > file.size() - offset - kFrame) break;
    if (std::memcmp(name, "eXIf", 4) == 0) return read_orientation({name + 4, length});
    offset += kFrame + length;
  }
  return Orientation();
}

}  // namespace

StoredImage read_png_header(std::span<const uint8_t> file) {
  constexpr size_t kHeaderBytes = kSignatureBytes + 16;  // to the end of width and height
  if (file.size() < kHeaderBytes || std::memcmp(file.data() + kSignatureBytes + 4, "IHDR", 4) != 0)
    fail(ErrorKind::data, "is a damaged PNG image (it has no header)");
  const StoredImage result{
      {int64_t{big_endian(file.data() + 20)}, int64_t{big_endian(file.data() + 16)}},
      find_orientation(file)};
  check_extent(result.extent.height, result.extent.width);
  return result;
}

void decode_png(std::span<const uint8_t> file, std::vector<uint8_t>& pixels) {
  const ImageExtent extent = read_png_header(file).extent;
  const auto bytes = static_cast<size_t>(extent.height * extent.width * 3);
  Reader reader(file);
  reader.start(extent);
  if (pixels.size() < bytes) pixels.resize(bytes);
  reader.read_rows(pixels.data(), extent);
}

}  // namespace amcl
