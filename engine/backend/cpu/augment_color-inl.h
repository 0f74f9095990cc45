// The colour stages of augmentation: planes of red, green and blue, whole vectors of pixels.
//
// No include guard in the usual sense: hwy/foreach_target.h includes this once per target.
#include <cstdint>

#include "engine/backend/color_formulas.h"
#include "engine/backend/cpu/augment_kernels.h"
#include "hwy/highway.h"

#if defined(AMCL_CPU_AUGMENT_COLOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef AMCL_CPU_AUGMENT_COLOR_INL_H
#undef AMCL_CPU_AUGMENT_COLOR_INL_H
#else
#define AMCL_CPU_AUGMENT_COLOR_INL_H
#endif

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

// Pixels [begin, end) of the view; begin and end are whole vectors, but for the last end.
struct Band {
  int64_t begin;
  int64_t end;
};

HWY_INLINE Pixels load_pixels(const AugmentWorkspace& work, int64_t i) {
  const Floats d;
  const float* r = work.planes + i;
  return {hn::LoadU(d, r), hn::LoadU(d, r + work.plane_pitch),
          hn::LoadU(d, r + 2 * work.plane_pitch)};
}

// Replaces every pixel by f(pixel).
template <class F>
HWY_INLINE void for_each_pixel(const AugmentWorkspace& work, const Band& band, const F& f) {
  const Floats d;
  for (int64_t i = band.begin; i < band.end; i += lanes()) {
    const Pixels out = f(load_pixels(work, i));
    hn::StoreU(out.r, d, work.planes + i);
    hn::StoreU(out.g, d, work.planes + work.plane_pitch + i);
    hn::StoreU(out.b, d, work.planes + 2 * work.plane_pitch + i);
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

// Sum of the luma over a band, of which there may be an incomplete vector at the end.
HWY_INLINE double sum_luma(const AugmentWorkspace& work, const Band& band) {
  const Floats d;
  Vector sum = hn::Zero(d);
  int64_t i = band.begin;
  for (; i + lanes() <= band.end; i += lanes()) sum = hn::Add(sum, luma(load_pixels(work, i)));
  const auto rest = hn::FirstN(d, static_cast<size_t>(band.end - i));
  sum = hn::Add(sum, hn::IfThenElseZero(rest, luma(load_pixels(work, i))));
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
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

// `mean`: the luma of the image, for the contrast.
HWY_INLINE void apply_color(ColorOp op, const ViewParameters& parameters,
                            const AugmentWorkspace& work, const Band& band, float mean) {
  const Floats d;
  switch (op) {
    case ColorOp::brightness: {
      const auto factor = hn::Set(d, parameters.brightness);
      for_each_pixel(work, band, [&](const Pixels& pixel) HWY_ATTR {
        return blend(factor, pixel, hn::Zero(d));
      });
      break;
    }
    case ColorOp::contrast: {
      const auto factor = hn::Set(d, parameters.contrast);
      const auto gray = hn::Set(d, (1.0f - parameters.contrast) * mean);
      for_each_pixel(work, band,
                     [&](const Pixels& pixel) HWY_ATTR { return blend(factor, pixel, gray); });
      break;
    }
    case ColorOp::saturation: {
      const auto factor = hn::Set(d, parameters.saturation);
      const auto complement = hn::Set(d, 1.0f - parameters.saturation);
      for_each_pixel(work, band, [&](const Pixels& pixel) HWY_ATTR {
        return blend(factor, pixel, hn::Mul(complement, luma(pixel)));
      });
      break;
    }
    case ColorOp::hue: {
      const auto sixths = hn::Set(d, 6.0f * parameters.hue);
      for_each_pixel(work, band,
                     [&](const Pixels& pixel) HWY_ATTR { return rotate_hue(pixel, sixths); });
      break;
    }
  }
}

HWY_INLINE void make_gray(const AugmentWorkspace& work, const Band& band) {
  for_each_pixel(work, band, [](const Pixels& pixel) HWY_ATTR {
    const Vector gray = luma(pixel);
    return Pixels{gray, gray, gray};
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#endif  // AMCL_CPU_AUGMENT_COLOR_INL_H
