#include "train/pictures/png.h"

#include <cstddef>
#include <span>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace amcl {
namespace {

void append(void* context, void* data, int size) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(context);
  const auto* first = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

}  // namespace

void write_png(const std::string& path, const RgbImage& image) {
  constexpr int kChannels = 3;
  const int width = static_cast<int>(image.width);
  const int height = static_cast<int>(image.height);
  std::vector<std::byte> bytes;
  if (stbi_write_png_to_func(append, &bytes, width, height, kChannels, image.pixels.data(),
                             width * kChannels) == 0)
    fail(ErrorKind::internal, "png: an image of ", width, " x ", height, " was not encoded");
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace amcl
