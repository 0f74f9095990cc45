// Image files to pixels. The content says what a file is, never its name, and its size is checked
// before anything is decoded.
//
//   JPEG  baseline, progressive, arithmetic; gray, YCbCr, RGB, CMYK, YCCK (libjpeg-turbo)
//   PNG   all colour types and depths, interlaced too (libpng)
//   BMP   1, 4, 8 bits with a palette, 24 bits, 16 and 32 bits with any masks; not compressed
//   PNM   P5 and P6 with up to 16 bits
//
// The result is what Pillow's convert("RGB") of the picture gives: gray is repeated, an alpha
// channel is dropped and the colour under it kept, of 16 bits the upper 8 count (PNM is scaled to
// its largest value), CMYK becomes (1 - C)(1 - K), where JPEG holds the inks inverted. The
// orientation in Exif data is applied. Colour profiles are not.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace amcl {

// Larger images are refused: they would take 300 MB each.
inline constexpr int64_t kMostImagePixels = 100'000'000;

class DecodeMemory;

struct ImageExtent {
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const ImageExtent&) const = default;
};

// In pixels of the whole image.
struct ImageBox {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const ImageBox&) const = default;
};

// An image as a set holds it: an image file, or its pixels.
struct ImageContent {
  ImageContent() = default;                                     // an empty file
  ImageContent(std::span<const uint8_t> file) : bytes(file) {}  // NOLINT: a file is one
  // u8 [extent.height, extent.width, 3].
  ImageContent(std::span<const uint8_t> pixels, ImageExtent of) : bytes(pixels), extent(of) {}

  bool is_file() const { return extent.height == 0; }

  std::span<const uint8_t> bytes;
  ImageExtent extent;  // of pixels; zeros for a file, which says it itself
};

// A part of an image, perhaps of a smaller version of it.
struct DecodedImage {
  std::vector<uint8_t> pixels;  // [box.height, box.width, 3]; a larger block is kept for reuse
  ImageBox box;                 // in the image divided by `reduction`
  int64_t reduction = 1;        // 1, 2, 4 or 8

  size_t bytes() const { return static_cast<size_t>(box.height * box.width * 3); }
};

// For one thread; keeps its working memory from image to image. Every function throws Error(data)
// with the reason, without a name, for content that is damaged, cut short, too large or of an
// unknown kind.
class ImageDecoder {
 public:
  // `shared`: memory that decoders of other threads use too, where large images wait for room; it
  // outlives the decoder. Null: no image waits.
  explicit ImageDecoder(DecodeMemory* shared = nullptr);
  ~ImageDecoder();
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  // Extents after the orientation is applied.
  ImageExtent extent(const ImageContent& content);
  // Fills `image` with at least the pixels of `box`, the same to the bit as those of the whole
  // image. A JPEG may be reduced to 1/2, 1/4 or 1/8 (`reduction`, by its DCT); its box then covers
  // `box` divided by that. PNG and BMP are decoded whole.
  void decode(const ImageContent& content, const ImageBox& box, int64_t reduction,
              DecodedImage& image);
  // The whole image, complete to the end of the file.
  void decode(const ImageContent& content, DecodedImage& image);

 private:
  void decode_file(std::span<const uint8_t> file, const ImageBox& box, int64_t reduction,
                   DecodedImage& image);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amcl
