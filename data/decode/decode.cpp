#include "data/decode/decode.h"

#include <algorithm>
#include <utility>

#include "data/decode/decode_memory.h"
#include "data/decode/decoders.h"
#include "data/decode/file_kind.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// JPEG's own limit. A longer side would make the resized image of an evaluation too long to count.
constexpr int64_t kMostSide = 65'535;

// Blocks are kept from image to image; larger ones only for the image that needs them.
constexpr size_t kMostKeptBytes = size_t{96} << 20;

// What a file that cannot be decoded is.
const char* foreign_format(FileKind kind) {
  switch (kind) {
    case FileKind::empty:
      return "is empty";
    case FileKind::gif:
      return "is a GIF image";
    case FileKind::webp:
      return "is a WebP image";
    case FileKind::tiff:
      return "is a TIFF image";
    case FileKind::heif:
      return "is a HEIF, AVIF or video file";
    default:
      return "is no image";
  }
}

FileKind format_of(std::span<const uint8_t> file) {
  const FileKind kind = kind_of_content(file);
  if (!is_decoded(kind))
    fail(ErrorKind::data, foreign_format(kind), "; JPEG, PNG, BMP and PNM (P5, P6) are read");
  return kind;
}

void check_box(const ImageBox& box, const ImageExtent& whole) {
  AMCL_CHECK(box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1 &&
                 box.top + box.height <= whole.height && box.left + box.width <= whole.width,
             "decode: a box outside of the image of ", whole.height, " x ", whole.width);
}

// The rows of `box` in an image that is there as pixels.
void copy_box(const ImageContent& image, const ImageBox& box, std::vector<uint8_t>& pixels) {
  const auto bytes = static_cast<size_t>(box.height * box.width * 3);
  if (pixels.size() < bytes) pixels.resize(bytes);
  uint8_t* out = pixels.data();
  for (int64_t y = box.top; y < box.top + box.height; ++y)
    out = std::copy_n(image.bytes.data() + (y * image.extent.width + box.left) * 3, box.width * 3,
                      out);
}

void give_up_large(std::vector<uint8_t>& block) {
  if (block.size() > kMostKeptBytes) block = {};
}

}  // namespace

void check_extent(int64_t height, int64_t width) {
  if (height < 1 || width < 1)
    fail(ErrorKind::data, "claims to be ", height, " x ", width, " pixels");
  if (height > kMostSide || width > kMostSide)
    fail(ErrorKind::data, "is ", height, " x ", width, " pixels; sides of up to ", kMostSide,
         " are decoded");
  if (height > kMostImagePixels / width)
    fail(ErrorKind::data, "is ", height, " x ", width, " pixels, more than the ", kMostImagePixels,
         " that are decoded");
}

struct ImageDecoder::State {
  DecodeMemory* memory = nullptr;
  JpegDecoder jpeg;
  std::vector<uint8_t> stored;  // pixels before they are turned

  StoredImage header(FileKind format, std::span<const uint8_t> file) {
    switch (format) {
      case FileKind::jpeg:
        return jpeg.read_header(file);
      case FileKind::png:
        return read_png_header(file);
      case FileKind::bmp:
        return {.extent = read_bmp_header(file), .orientation = Orientation()};
      default:
        return {.extent = read_pnm_header(file), .orientation = Orientation()};
    }
  }

  // That an image takes while it is decoded.
  static int64_t working_bytes(FileKind format, const StoredImage& header, const ImageBox& box) {
    const bool whole = format == FileKind::png || format == FileKind::bmp;
    const int64_t pixels =
        whole ? header.extent.height * header.extent.width : box.height * box.width;
    return header.held_bytes + pixels * (header.orientation.as_stored() ? 3 : 6);
  }

  void decode_stored(FileKind format, std::span<const uint8_t> file, const ImageBox& box,
                     int64_t reduction, const ImageExtent& whole, DecodedImage& image) {
    if (format == FileKind::jpeg) return jpeg.decode(file, box, reduction, image);
    image.reduction = 1;
    image.box = {0, 0, whole.height, whole.width};
    if (format == FileKind::png) decode_png(file, image.pixels);
    if (format == FileKind::bmp) decode_bmp(file, image.pixels);
    if (format != FileKind::pnm) return;
    image.box = box;
    decode_pnm(file, box, image.pixels);
  }

  void turn(const Orientation& orientation, const ImageExtent& whole, DecodedImage& image) {
    std::swap(stored, image.pixels);
    const ImageExtent part{image.box.height, image.box.width};
    if (image.pixels.size() < image.bytes()) image.pixels.resize(image.bytes());
    orientation.turn(std::span(stored).first(image.bytes()), part, image.pixels.data());
    const int64_t reduction = image.reduction;
    image.box = orientation.upright_box(image.box, {(whole.height + reduction - 1) / reduction,
                                                    (whole.width + reduction - 1) / reduction});
    give_up_large(stored);
  }
};

ImageDecoder::ImageDecoder(DecodeMemory* shared) : state_(std::make_unique<State>()) {
  state_->memory = shared;
}

ImageDecoder::~ImageDecoder() = default;

ImageExtent ImageDecoder::extent(const ImageContent& content) {
  if (!content.is_file()) return content.extent;
  const StoredImage header = state_->header(format_of(content.bytes), content.bytes);
  return header.orientation.turned(header.extent);
}

void ImageDecoder::decode(const ImageContent& content, const ImageBox& box, int64_t reduction,
                          DecodedImage& image) {
  if (content.is_file()) return decode_file(content.bytes, box, reduction, image);
  check_box(box, content.extent);
  image.reduction = 1;
  image.box = box;
  copy_box(content, box, image.pixels);
}

void ImageDecoder::decode_file(std::span<const uint8_t> file, const ImageBox& box,
                               int64_t reduction, DecodedImage& image) {
  const FileKind format = format_of(file);
  const StoredImage header = state_->header(format, file);
  const ImageExtent upright = header.orientation.turned(header.extent);
  check_box(box, upright);
  give_up_large(image.pixels);
  const DecodeShare share(state_->memory, State::working_bytes(format, header, box));
  state_->decode_stored(format, file, header.orientation.stored_box(box, header.extent), reduction,
                        header.extent, image);
  if (!header.orientation.as_stored()) state_->turn(header.orientation, header.extent, image);
}

void ImageDecoder::decode(const ImageContent& content, DecodedImage& image) {
  const ImageExtent whole = extent(content);
  decode(content, {0, 0, whole.height, whole.width}, 1, image);
}

}  // namespace amcl
