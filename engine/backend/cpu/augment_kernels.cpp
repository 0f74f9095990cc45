#include "engine/backend/cpu/augment_kernels.h"

#include <algorithm>
#include <cstring>

#include "engine/backend/augment_filters.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/augment_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

HWY_INLINE int64_t lanes() {
  return static_cast<int64_t>(hn::Lanes(Floats()));
}

struct Pixels {
  Vector r;
  Vector g;
  Vector b;
};

// row[i] = sum over taps t of weights[t] * source[t * pitch + i]
HWY_INLINE void mix_source_rows(const uint8_t* HWY_RESTRICT source, int64_t pitch,
                                const float* HWY_RESTRICT weights, int64_t taps, int64_t count,
                                float* HWY_RESTRICT row) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> integers;
  const hn::Rebind<uint8_t, Floats> bytes;
  int64_t i = 0;
  for (; i + lanes() <= count; i += lanes()) {
    Vector sum = hn::Zero(d);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const auto values = hn::PromoteTo(integers, hn::LoadU(bytes, source + tap * pitch + i));
      sum = hn::MulAdd(hn::Set(d, weights[tap]), hn::ConvertTo(d, values), sum);
    }
    hn::StoreU(sum, d, row + i);
  }
  for (; i < count; ++i) {
    float sum = 0.0f;
    for (int64_t tap = 0; tap < taps; ++tap)
      sum += weights[tap] * static_cast<float>(source[tap * pitch + i]);
    row[i] = sum;
  }
}

// One row of the three planes from one interleaved row. Writes up to a vector past its end, which
// the next row overwrites.
HWY_INLINE void mix_columns(const AugmentWorkspace& work, float* HWY_RESTRICT plane_row) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> integers;
  for (int64_t x = 0; x < work.width; x += lanes()) {
    Pixels sum{hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (int64_t tap = 0; tap < work.taps; ++tap) {
      const auto weight = hn::LoadU(d, work.column_weights + tap * work.column_pitch + x);
      const auto place = hn::LoadU(integers, work.column_places + tap * work.column_pitch + x);
      sum.r = hn::MulAdd(weight, hn::GatherIndex(d, work.row, place), sum.r);
      sum.g = hn::MulAdd(weight, hn::GatherIndex(d, work.row + 1, place), sum.g);
      sum.b = hn::MulAdd(weight, hn::GatherIndex(d, work.row + 2, place), sum.b);
    }
    hn::StoreU(sum.r, d, plane_row + x);
    hn::StoreU(sum.g, d, plane_row + work.plane_pitch + x);
    hn::StoreU(sum.b, d, plane_row + 2 * work.plane_pitch + x);
  }
}

// Rows first, because that works on the bytes as they lie; the result is the same but for rounding.
HWY_INLINE void resize(const AugmentView& view, const AugmentWorkspace& work) {
  const ViewParameters& box = view.parameters;
  const ResizeFilter filter(box.height, work.height);
  const int64_t pitch = view.image_width * 3;
  const uint8_t* crop = view.image + box.top * pitch + box.left * 3;
  for (int64_t y = 0; y < work.height; ++y) {
    const ResizeFilter::Window window = filter.window(y);
    for (int64_t tap = 0; tap < window.taps; ++tap)
      work.weights[tap] = filter.weight(window, tap) / 255.0f;
    mix_source_rows(crop + window.first * pitch, pitch, work.weights, window.taps,
                    int64_t{box.width} * 3, work.row);
    mix_columns(work, work.planes + y * work.width);
  }
}

// Replaces every pixel by f(pixel).
template <class F>
HWY_INLINE void for_each_pixel(const AugmentWorkspace& work, const F& f) {
  const Floats d;
  float* HWY_RESTRICT r = work.planes;
  float* HWY_RESTRICT g = work.planes + work.plane_pitch;
  float* HWY_RESTRICT b = work.planes + 2 * work.plane_pitch;
  const int64_t count = work.height * work.width;
  for (int64_t i = 0; i < count; i += lanes()) {
    const Pixels out = f(Pixels{hn::LoadU(d, r + i), hn::LoadU(d, g + i), hn::LoadU(d, b + i)});
    hn::StoreU(out.r, d, r + i);
    hn::StoreU(out.g, d, g + i);
    hn::StoreU(out.b, d, b + i);
  }
}

HWY_INLINE Vector clamp(Vector value) {
  const Floats d;
  return hn::Min(hn::Max(value, hn::Zero(d)), hn::Set(d, 1.0f));
}

HWY_INLINE Vector luma(const Pixels& pixel) {
  const Floats d;
  return hn::MulAdd(
      hn::Set(d, kLumaRed), pixel.r,
      hn::MulAdd(hn::Set(d, kLumaGreen), pixel.g, hn::Mul(hn::Set(d, kLumaBlue), pixel.b)));
}

// clamp(factor value + other), channel by channel
HWY_INLINE Pixels blend(Vector factor, const Pixels& pixel, Vector other) {
  return {clamp(hn::MulAdd(factor, pixel.r, other)), clamp(hn::MulAdd(factor, pixel.g, other)),
          clamp(hn::MulAdd(factor, pixel.b, other))};
}

HWY_INLINE float mean_luma(const AugmentWorkspace& work) {
  // Vectors add up a block in f32, the blocks are summed in f64.
  constexpr int64_t kBlock = 1024;
  const Floats d;
  const float* r = work.planes;
  const float* g = work.planes + work.plane_pitch;
  const float* b = work.planes + 2 * work.plane_pitch;
  const int64_t count = work.height * work.width;
  double total = 0.0;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count);
    Vector sum = hn::Zero(d);
    int64_t i = begin;
    for (; i + lanes() <= end; i += lanes())
      sum = hn::Add(sum, luma({hn::LoadU(d, r + i), hn::LoadU(d, g + i), hn::LoadU(d, b + i)}));
    const auto rest = hn::FirstN(d, static_cast<size_t>(end - i));
    sum = hn::Add(sum, hn::IfThenElseZero(rest, luma({hn::LoadU(d, r + i), hn::LoadU(d, g + i),
                                                      hn::LoadU(d, b + i)})));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return static_cast<float>(total / static_cast<double>(count));
}

// Rotation of the hue by `sixths` of a turn. With the hue h in sixths, 0 <= h < 6, a channel of the
// HSV colour is minimum + chroma * clamp(tent(h)), the three tents standing a third of a turn apart.
HWY_INLINE Pixels rotate_hue(const Pixels& pixel, Vector sixths) {
  const Floats d;
  const auto& [r, g, b] = pixel;
  const auto value = hn::Max(r, hn::Max(g, b));
  const auto low = hn::Min(r, hn::Min(g, b));
  const auto chroma = hn::Sub(value, low);
  // Gray has no hue: the numerators below are 0 and the quotient only has to be finite.
  const auto inverse = hn::Div(hn::Set(d, 1.0f), hn::Max(chroma, hn::Set(d, 1e-30f)));
  const auto near_red = hn::Mul(hn::Sub(g, b), inverse);
  const auto near_green = hn::MulAdd(hn::Sub(b, r), inverse, hn::Set(d, 2.0f));
  const auto near_blue = hn::MulAdd(hn::Sub(r, g), inverse, hn::Set(d, 4.0f));
  auto hue = hn::IfThenElse(hn::Eq(value, r), near_red,
                            hn::IfThenElse(hn::Eq(value, g), near_green, near_blue));
  hue = hn::Add(hue, sixths);
  hue = hn::NegMulAdd(hn::Floor(hn::Mul(hue, hn::Set(d, 1.0f / 6.0f))), hn::Set(d, 6.0f), hue);
  const auto one = hn::Set(d, 1.0f);
  const auto two = hn::Set(d, 2.0f);
  const auto red = hn::Sub(hn::Abs(hn::Sub(hue, hn::Set(d, 3.0f))), one);
  const auto green = hn::Sub(two, hn::Abs(hn::Sub(hue, two)));
  const auto blue = hn::Sub(two, hn::Abs(hn::Sub(hue, hn::Set(d, 4.0f))));
  return {hn::MulAdd(chroma, clamp(red), low), hn::MulAdd(chroma, clamp(green), low),
          hn::MulAdd(chroma, clamp(blue), low)};
}

HWY_INLINE void apply_color(ColorOp op, const ViewParameters& parameters,
                            const AugmentWorkspace& work) {
  const Floats d;
  switch (op) {
    case ColorOp::brightness: {
      const auto factor = hn::Set(d, parameters.brightness);
      for_each_pixel(
          work, [&](const Pixels& pixel) HWY_ATTR { return blend(factor, pixel, hn::Zero(d)); });
      break;
    }
    case ColorOp::contrast: {
      const auto factor = hn::Set(d, parameters.contrast);
      const auto gray = hn::Set(d, (1.0f - parameters.contrast) * mean_luma(work));
      for_each_pixel(work,
                     [&](const Pixels& pixel) HWY_ATTR { return blend(factor, pixel, gray); });
      break;
    }
    case ColorOp::saturation: {
      const auto factor = hn::Set(d, parameters.saturation);
      const auto complement = hn::Set(d, 1.0f - parameters.saturation);
      for_each_pixel(work, [&](const Pixels& pixel) HWY_ATTR {
        return blend(factor, pixel, hn::Mul(complement, luma(pixel)));
      });
      break;
    }
    case ColorOp::hue: {
      const auto sixths = hn::Set(d, 6.0f * parameters.hue);
      for_each_pixel(work, [&](const Pixels& pixel) HWY_ATTR { return rotate_hue(pixel, sixths); });
      break;
    }
  }
}

// out[x] = sum over k of weights[|k|] * in[x + k], for one row with its border in padded_row.
HWY_INLINE void blur_row(const AugmentWorkspace& work, int64_t radius, const float* HWY_RESTRICT in,
                         float* HWY_RESTRICT out) {
  const Floats d;
  float* HWY_RESTRICT padded = work.padded_row;
  std::memcpy(padded + radius, in, static_cast<size_t>(work.width) * sizeof(float));
  for (int64_t k = 1; k <= radius; ++k) {
    padded[radius - k] = in[k];
    padded[radius + work.width - 1 + k] = in[work.width - 1 - k];
  }
  for (int64_t x = 0; x < work.width; x += lanes()) {
    const float* center = padded + radius + x;
    Vector sum = hn::Mul(hn::Set(d, work.weights[0]), hn::LoadU(d, center));
    for (int64_t k = 1; k <= radius; ++k)
      sum = hn::MulAdd(hn::Set(d, work.weights[k]),
                       hn::Add(hn::LoadU(d, center - k), hn::LoadU(d, center + k)), sum);
    hn::StoreU(sum, d, out + x);
  }
}

HWY_INLINE void blur_column(const AugmentWorkspace& work, int64_t radius,
                            const float* HWY_RESTRICT in, int64_t y, float* HWY_RESTRICT out) {
  const Floats d;
  for (int64_t x = 0; x < work.width; x += lanes()) {
    Vector sum = hn::Mul(hn::Set(d, work.weights[0]), hn::LoadU(d, in + y * work.width + x));
    for (int64_t k = 1; k <= radius; ++k) {
      const auto above = hn::LoadU(d, in + reflect(y - k, work.height) * work.width + x);
      const auto below = hn::LoadU(d, in + reflect(y + k, work.height) * work.width + x);
      sum = hn::MulAdd(hn::Set(d, work.weights[k]), hn::Add(above, below), sum);
    }
    hn::StoreU(sum, d, out + x);
  }
}

// Rows from `planes` to `blurred`, columns back. Rows are written in order, so that what a vector
// writes past a row's end is overwritten.
HWY_INLINE void blur(const AugmentWorkspace& work, float sigma) {
  const int64_t row_radius = blur_radius(sigma, work.width);
  blur_weights(sigma, row_radius, work.weights);
  for (int64_t channel = 0; channel < 3; ++channel)
    for (int64_t y = 0; y < work.height; ++y) {
      const int64_t offset = channel * work.plane_pitch + y * work.width;
      blur_row(work, row_radius, work.planes + offset, work.blurred + offset);
    }
  const int64_t column_radius = blur_radius(sigma, work.height);
  blur_weights(sigma, column_radius, work.weights);
  for (int64_t channel = 0; channel < 3; ++channel)
    for (int64_t y = 0; y < work.height; ++y) {
      const int64_t plane = channel * work.plane_pitch;
      blur_column(work, column_radius, work.blurred + plane, y,
                  work.planes + plane + y * work.width);
    }
}

HWY_INLINE void normalize(const AugmentWorkspace& work, const ImageNormalization& normalization,
                          float* HWY_RESTRICT y) {
  const Floats d;
  Vector scale[3];
  Vector shift[3];
  for (size_t channel = 0; channel < 3; ++channel) {
    const float inverse = 1.0f / normalization.deviation[channel];
    scale[channel] = hn::Set(d, inverse);
    shift[channel] = hn::Set(d, -normalization.mean[channel] * inverse);
  }
  const int64_t count = work.height * work.width;
  HWY_ALIGN float rest[3 * kAugmentOverrun];
  for (int64_t i = 0; i < count; i += lanes()) {
    const auto channel = [&](int64_t c) HWY_ATTR {
      return hn::MulAdd(hn::LoadU(d, work.planes + c * work.plane_pitch + i), scale[c], shift[c]);
    };
    const bool whole = i + lanes() <= count;
    hn::StoreInterleaved3(channel(0), channel(1), channel(2), d, whole ? y + 3 * i : rest);
    if (!whole) std::memcpy(y + 3 * i, rest, static_cast<size_t>(3 * (count - i)) * sizeof(float));
  }
}

void AugmentOneView(const AugmentView& view, const AugmentWorkspace& work) {
  static_assert(HWY_MAX_BYTES <= kAugmentOverrun * sizeof(float));
  const ViewParameters& parameters = view.parameters;
  resize(view, work);
  if (parameters.jitter)
    for (const ColorOp op : parameters.order) apply_color(op, parameters, work);
  if (parameters.grayscale)
    for_each_pixel(work, [](const Pixels& pixel) HWY_ATTR {
      const Vector gray = luma(pixel);
      return Pixels{gray, gray, gray};
    });
  if (parameters.blur_sigma > 0.0f) blur(work, parameters.blur_sigma);
  normalize(work, view.normalization, view.y);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(AugmentOneView);

void augment_view(const AugmentView& view, const AugmentWorkspace& workspace) {
  HWY_DYNAMIC_DISPATCH(AugmentOneView)(view, workspace);
}

}  // namespace amcl
#endif  // HWY_ONCE
