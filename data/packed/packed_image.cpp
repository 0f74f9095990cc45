#include "data/packed/packed_image.h"

#include <algorithm>
#include <span>
#include <string>

#include "data/decode/encode_pnm.h"
#include "data/views/augment_policy.h"
#include "data/views/pixel_bytes.h"

namespace amcl {
namespace {

void store_pixels(std::span<const uint8_t> pixels, ImageExtent extent, PackedImage& image) {
  const std::string header = pnm_header(extent);
  image.content.assign(header.begin(), header.end());
  image.content.insert(image.content.end(), pixels.begin(), pixels.end());
  image.extent = extent;
}

}  // namespace

ImageExtent resized_extent(ImageExtent extent, int64_t size) {
  const int64_t shorter = std::min(extent.height, extent.width);
  if (size == 0 || shorter <= size) return extent;
  return {extent.height * size / shorter, extent.width * size / shorter};
}

PackedImageReader::PackedImageReader(Backend& backend, const Dataset& source, int64_t size)
    : backend_(backend),
      source_(source),
      size_(size),
      decoder_(source.files ? &source.files->decode_memory() : nullptr) {}

PackedImage PackedImageReader::read(int64_t index) {
  PackedImage image;
  if (!source_.files) {
    store(source_.images.slice(index, index + 1), image);
    return image;
  }
  std::string place;  // before the reason, where the reason does not name it
  try {
    const ImageContent content = source_.files->content(index, buffer_);
    place = source_.files->place(index) + ": ";
    decoder_.decode(content, decoded_);
    image.extent = {decoded_.box.height, decoded_.box.width};
    if (size_ == 0 && content.is_file())
      image.content.assign(content.bytes.begin(), content.bytes.end());
    else if (size_ == 0)
      store_pixels(content.bytes, content.extent, image);
  } catch (const Error& error) {
    image.error.emplace(error.kind(), place + error.what());
    return image;
  }
  if (size_ == 0) return image;
  decoded_.pixels.resize(decoded_.bytes());
  store(Tensor::from_host<uint8_t>(backend_, {1, image.extent.height, image.extent.width, 3},
                                   decoded_.pixels),
        image);
  return image;
}

// Pixels u8 [1, H, W, 3].
void PackedImageReader::store(const Tensor& pixels, PackedImage& image) {
  const ImageExtent extent{pixels.dim(1), pixels.dim(2)};
  const ImageExtent resized = resized_extent(extent, size_);
  if (resized == extent) return store_pixels(pixels.to_host<uint8_t>(), extent, image);
  const ViewParameters whole = identity_view(0, extent.height, extent.width);
  Tensor values = Tensor::empty(backend_, {1, resized.height, resized.width, 3}, DType::f32);
  backend_.augment(pixels, {&whole, 1}, {}, values);
  store_pixels(pixel_bytes(values), resized, image);
}

}  // namespace amcl
