// A random view of an image, stage by stage.
//
//   crop -> resize -> flip -> colour jitter -> grayscale -> blur -> solarize -> normalise
//
//   images  [n, H, W, 3] u8
//   view    [h, w, 3]    f32 in [0, 1] between the stages; the resize and colour stages clamp,
//                        since a bicubic filter reaches beyond its inputs (Pillow clamps there too)
//   y       [v, h, w, 3] f32, (value - mean) / deviation per channel
//
// torchvision.transforms.functional on float tensors is the reference (tests/data/goldens were made
// with it). The resampler sees nothing outside the crop, as when the image is cut first.
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/augment_filters.h"
#include "engine/backend/color_formulas.h"
#include "engine/backend/plain/plain_backend.h"

namespace amcl {
namespace {

struct View {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<float> values;  // [height, width, 3]

  View(int64_t h, int64_t w) : height(h), width(w), values(static_cast<size_t>(h * w * 3)) {}
  float& at(int64_t y, int64_t x, int64_t channel) {
    return values[static_cast<size_t>((y * width + x) * 3 + channel)];
  }
  float* pixel(int64_t index) { return values.data() + index * 3; }
  int64_t pixels() const { return height * width; }
};

View crop(const uint8_t* image, int64_t image_width, const ViewParameters& box) {
  View result(box.height, box.width);
  for (int64_t y = 0; y < box.height; ++y)
    for (int64_t x = 0; x < box.width; ++x)
      for (int64_t channel = 0; channel < 3; ++channel) {
        const int64_t index = ((box.top + y) * image_width + box.left + x) * 3 + channel;
        result.at(y, x, channel) = static_cast<float>(image[index]) / 255.0f;
      }
  return result;
}

View resize_columns(View& input, int64_t width, const ResizedAxis& axis) {
  View result(input.height, width);
  for (int64_t x = 0; x < width; ++x) {
    const ResizeFilter::Window window = axis.filter.window(x + axis.offset);
    for (int64_t y = 0; y < input.height; ++y)
      for (int64_t channel = 0; channel < 3; ++channel)
        for (int64_t tap = 0; tap < window.taps; ++tap)
          result.at(y, x, channel) +=
              axis.filter.weight(window, tap) * input.at(y, window.first + tap, channel);
  }
  return result;
}

View resize_rows(View& input, int64_t height, const ResizedAxis& axis) {
  View result(height, input.width);
  for (int64_t y = 0; y < height; ++y) {
    const ResizeFilter::Window window = axis.filter.window(y + axis.offset);
    for (int64_t x = 0; x < input.width; ++x)
      for (int64_t channel = 0; channel < 3; ++channel)
        for (int64_t tap = 0; tap < window.taps; ++tap)
          result.at(y, x, channel) +=
              axis.filter.weight(window, tap) * input.at(window.first + tap, x, channel);
  }
  return result;
}

void clamp(View& view) {
  for (float& value : view.values) value = clamp_to_unit(value);
}

void flip(View& view) {
  for (int64_t y = 0; y < view.height; ++y)
    for (int64_t x = 0; x < view.width / 2; ++x)
      for (int64_t channel = 0; channel < 3; ++channel)
        std::swap(view.at(y, x, channel), view.at(y, view.width - 1 - x, channel));
}

void brightness(View& view, float factor) {
  for (float& value : view.values) value = blend(factor, value, 0.0f);
}

// Blends with one gray: the mean of the grayscale image.
void contrast(View& view, float factor) {
  double sum = 0.0;
  for (int64_t i = 0; i < view.pixels(); ++i) sum += luma(view.pixel(i));
  const auto mean = static_cast<float>(sum / static_cast<double>(view.pixels()));
  for (float& value : view.values) value = blend(factor, value, mean);
}

// Blends each pixel with its own gray.
void saturation(View& view, float factor) {
  for (int64_t i = 0; i < view.pixels(); ++i) {
    float* pixel = view.pixel(i);
    const float gray = luma(pixel);
    for (int64_t channel = 0; channel < 3; ++channel)
      pixel[channel] = blend(factor, pixel[channel], gray);
  }
}

void jitter(View& view, const ViewParameters& parameters) {
  for (const ColorOp op : parameters.order) switch (op) {
      case ColorOp::brightness:
        brightness(view, parameters.brightness);
        break;
      case ColorOp::contrast:
        contrast(view, parameters.contrast);
        break;
      case ColorOp::saturation:
        saturation(view, parameters.saturation);
        break;
      case ColorOp::hue:
        for (int64_t i = 0; i < view.pixels(); ++i) rotate_hue(view.pixel(i), parameters.hue);
        break;
    }
}

void grayscale(View& view) {
  for (int64_t i = 0; i < view.pixels(); ++i) std::fill_n(view.pixel(i), 3, luma(view.pixel(i)));
}

// Along one axis: extent `length`, neighbours `step` pixels apart, `lines` lines `line_step` apart.
struct BlurAxis {
  int64_t length;
  int64_t step;
  int64_t lines;
  int64_t line_step;
};

void blur_along(View& view, const BlurAxis& axis, float sigma) {
  const int64_t radius = blur_radius(sigma, axis.length);
  std::vector<float> weights(static_cast<size_t>(radius + 1));
  blur_weights(sigma, radius, weights.data());
  View source = view;
  for (int64_t line = 0; line < axis.lines; ++line)
    for (int64_t i = 0; i < axis.length; ++i)
      for (int64_t channel = 0; channel < 3; ++channel) {
        float sum = 0.0f;
        for (int64_t k = -radius; k <= radius; ++k) {
          const int64_t place = reflect(i + k, axis.length);
          sum += weights[static_cast<size_t>(std::abs(k))] *
                 source.pixel(line * axis.line_step + place * axis.step)[channel];
        }
        view.pixel(line * axis.line_step + i * axis.step)[channel] = sum;
      }
}

void blur(View& view, float sigma) {
  blur_along(view, {view.width, 1, view.height, view.width}, sigma);
  blur_along(view, {view.height, view.width, view.width, 1}, sigma);
}

void solarize(View& view) {
  for (float& value : view.values)
    if (value >= 0.5f) value = 1.0f - value;
}

void normalize(View& view, const ImageNormalization& normalization, float* y) {
  for (int64_t i = 0; i < view.pixels(); ++i)
    for (size_t channel = 0; channel < 3; ++channel)
      *y++ =
          (view.pixel(i)[channel] - normalization.mean[channel]) / normalization.deviation[channel];
}

}  // namespace

void PlainBackend::augment(const Tensor& images, std::span<const ViewParameters> views,
                           const ImageNormalization& normalization, Tensor& y) {
  const int64_t image_width = images.dim(2);
  const int64_t image_values = images.dim(1) * image_width * 3;
  const int64_t height = y.dim(1);
  const int64_t width = y.dim(2);
  float* out = y.data<float>();
  for (const ViewParameters& parameters : views) {
    const uint8_t* image = images.data<uint8_t>() + parameters.image * image_values;
    View cut = crop(image, image_width, parameters);
    View wide = resize_columns(cut, width, resized_columns(parameters, width));
    View view = resize_rows(wide, height, resized_rows(parameters, height));
    clamp(view);
    if (parameters.flip) flip(view);
    if (parameters.jitter) jitter(view, parameters);
    if (parameters.grayscale) grayscale(view);
    if (parameters.blur_sigma > 0.0f) blur(view, parameters.blur_sigma);
    if (parameters.solarize) solarize(view);
    normalize(view, normalization, out);
    out += height * width * 3;
  }
}

void PlainBackend::augment_next(const Tensor& images, const Tensor& views,
                                const ImageNormalization& normalization, Tensor& step, Tensor& y) {
  int32_t& next = step.data<int32_t>()[0];
  const auto count = static_cast<size_t>(views.dim(1));
  const auto* all = static_cast<const ViewParameters*>(views.raw());
  augment(images, {all + static_cast<size_t>(next) * count, count}, normalization, y);
  next = static_cast<int32_t>((next + 1) % views.dim(0));
}

}  // namespace amcl
