#include "data/image_reader.h"

#include "data/bad_images.h"
#include "engine/core/check.h"

namespace amcl {

ImageRequest whole_image(ImageExtent extent) {
  return {.box = {0, 0, extent.height, extent.width}};
}

bool ImageReader::read(int64_t index, const std::function<ImageRequest(ImageExtent)>& choose) {
  try {
    decode(index, choose);
    return true;
  } catch (const Error& error) {
    const bool of_file = error.kind() == ErrorKind::data || error.kind() == ErrorKind::io ||
                         error.kind() == ErrorKind::missing;
    if (!of_file) throw;
    dataset_.bad_images->add(index, error);
    return false;
  }
}

void ImageReader::decode(int64_t index, const std::function<ImageRequest(ImageExtent)>& choose) {
  const ImageContent content = dataset_.files->content(index, buffer_);
  try {
    const ImageRequest request = choose(decoder_.extent(content));
    decoder_.decode(content, request.box, request.reduction, decoded_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    fail(ErrorKind::data, dataset_.files->place(index), ": ", error.what());
  }
  const auto bytes = static_cast<int64_t>(decoded_.bytes());
  if (!block_.defined() || block_.count() < bytes)
    block_ = Tensor::empty(device_, {bytes}, DType::u8);
  device_.copy_from_host(block_.raw(), decoded_.pixels.data(), decoded_.bytes());
  pixels_ = block_.slice(0, bytes).view({1, decoded_.box.height, decoded_.box.width, 3});
}

}  // namespace amcl
