#include "train/pictures/canvas.h"

#include <algorithm>

namespace amcl {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kTileTarget = 64;  // pixels
constexpr Color kPaper = {255, 255, 255};

}  // namespace

int64_t tile_zoom(int64_t height, int64_t width) {
  return std::max<int64_t>(1, kTileTarget / std::max(height, width));
}

Canvas::Canvas(int64_t width, int64_t height)
    : image_{.width = width, .height = height, .pixels = {}} {
  image_.pixels.resize(static_cast<size_t>(width * height * kChannels));
  fill(0, 0, width, height, kPaper);
}

void Canvas::fill(int64_t left, int64_t top, int64_t width, int64_t height, const Color& color) {
  for (int64_t y = top; y < top + height; ++y)
    for (int64_t x = left; x < left + width; ++x) std::copy_n(color.begin(), kChannels, at(x, y));
}

void Canvas::paste(int64_t left, int64_t top, std::span<const uint8_t> picture, int64_t height,
                   int64_t width, int64_t zoom) {
  for (int64_t y = 0; y < height * zoom; ++y)
    for (int64_t x = 0; x < width * zoom; ++x)
      std::copy_n(picture.begin() + (y / zoom * width + x / zoom) * kChannels, kChannels,
                  at(left + x, top + y));
}

uint8_t* Canvas::at(int64_t x, int64_t y) {
  return image_.pixels.data() + (y * image_.width + x) * kChannels;
}

}  // namespace amcl
