// The resize of augmentation, one row of the view at a time. Rows first, because that works on the
// bytes as they lie; the result is the same but for rounding.
//
// No include guard in the usual sense: hwy/foreach_target.h includes this once per target.
#include <algorithm>
#include <cstdint>

#include "engine/backend/augment_filters.h"
#include "engine/backend/cpu/augment_color-inl.h"
#include "engine/backend/cpu/augment_kernels.h"
#include "hwy/highway.h"

#if defined(AMCL_CPU_AUGMENT_RESIZE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef AMCL_CPU_AUGMENT_RESIZE_INL_H
#undef AMCL_CPU_AUGMENT_RESIZE_INL_H
#else
#define AMCL_CPU_AUGMENT_RESIZE_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// row[i] = sum over taps t of weights[t] * source[t * pitch + i], for `unroll` vectors.
template <int unroll>
HWY_INLINE void mix_vectors(const uint8_t* HWY_RESTRICT source, int64_t pitch,
                            const float* HWY_RESTRICT weights, int64_t taps,
                            float* HWY_RESTRICT row) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> integers;
  const hn::Rebind<uint8_t, Floats> bytes;
  Vector sum[unroll];
  for (int v = 0; v < unroll; ++v) sum[v] = hn::Zero(d);
  for (int64_t tap = 0; tap < taps; ++tap) {
    const auto weight = hn::Set(d, weights[tap]);
    for (int v = 0; v < unroll; ++v) {
      const auto values = hn::LoadU(bytes, source + tap * pitch + v * lanes());
      sum[v] = hn::MulAdd(weight, hn::ConvertTo(d, hn::PromoteTo(integers, values)), sum[v]);
    }
  }
  for (int v = 0; v < unroll; ++v) hn::StoreU(sum[v], d, row + v * lanes());
}

// The last vector overlaps the one before it rather than read past the image.
HWY_INLINE void mix_source_rows(const uint8_t* HWY_RESTRICT source, int64_t pitch,
                                const float* HWY_RESTRICT weights, int64_t taps, int64_t count,
                                float* HWY_RESTRICT row) {
  constexpr int kUnroll = 4;
  int64_t i = 0;
  for (; i + kUnroll * lanes() <= count; i += kUnroll * lanes())
    mix_vectors<kUnroll>(source + i, pitch, weights, taps, row + i);
  if (count < lanes()) {
    for (; i < count; ++i) {
      row[i] = 0.0f;
      for (int64_t tap = 0; tap < taps; ++tap)
        row[i] += weights[tap] * static_cast<float>(source[tap * pitch + i]);
    }
    return;
  }
  for (; i < count; i += lanes()) {
    const int64_t begin = std::min(i, count - lanes());
    mix_vectors<1>(source + begin, pitch, weights, taps, row + begin);
  }
}

// out[x] = sum over taps of weights * row, pixel by pixel: a vector of four holds one pixel and the
// red value of the next, which is overwritten. (Gathering a vector of red values takes three times
// as long with AVX2.) `fixed_taps`: as many as that, or any number where it is 0; a loop of known
// length costs half as many instructions.
template <int fixed_taps>
HWY_INLINE void mix_columns(const AugmentWorkspace& work) {
  const int64_t taps = fixed_taps > 0 ? fixed_taps : work.taps;
  const int64_t width = work.width;
  const int64_t pitch = work.column_pitch;
  const int32_t* HWY_RESTRICT first = work.column_first;
  const float* HWY_RESTRICT source = work.row;
  const float* HWY_RESTRICT weights = work.column_weights;
  float* HWY_RESTRICT out = work.resized_row;
  for (int64_t x = 0; x < width; ++x, weights += pitch, out += 3) {
    const float* HWY_RESTRICT row = source + 3 * int64_t{first[x]};
#if HWY_TARGET == HWY_SCALAR
    for (int channel = 0; channel < 3; ++channel) {
      out[channel] = 0.0f;
      for (int64_t tap = 0; tap < taps; ++tap)
        out[channel] += weights[tap] * row[3 * tap + channel];
    }
#else
    const hn::Full128<float> d;
    auto sum = hn::Zero(d);
    for (int64_t tap = 0; tap < taps; ++tap)
      sum = hn::MulAdd(hn::Set(d, weights[tap]), hn::LoadU(d, row + 3 * tap), sum);
    hn::StoreU(sum, d, out);
#endif
  }
}

HWY_INLINE void mix_columns(const AugmentWorkspace& work) {
  switch (work.taps) {
    case 2:
      return mix_columns<2>(work);
    case 3:
      return mix_columns<3>(work);
    case 4:
      return mix_columns<4>(work);
    case 5:
      return mix_columns<5>(work);
    default:
      return mix_columns<0>(work);
  }
}

// The resized row to row y of the planes. Writes up to a vector past its end, which the next row
// overwrites.
HWY_INLINE void store_row(const AugmentWorkspace& work, int64_t y) {
  const Floats d;
  float* HWY_RESTRICT plane = work.planes + y * work.width;
  for (int64_t x = 0; x < work.width; x += lanes()) {
    Pixels pixel;
    hn::LoadInterleaved3(d, work.resized_row + 3 * x, pixel.r, pixel.g, pixel.b);
    hn::StoreU(clamp(pixel.r), d, plane + x);
    hn::StoreU(clamp(pixel.g), d, plane + work.plane_pitch + x);
    hn::StoreU(clamp(pixel.b), d, plane + 2 * work.plane_pitch + x);
  }
}

HWY_INLINE void resize_row(const AugmentView& view, const AugmentWorkspace& work,
                           const ResizedAxis& rows, int64_t y) {
  const ViewParameters& box = view.parameters;
  const int64_t pitch = view.image_width * 3;
  const ResizeFilter::Window window = rows.filter.window(y + rows.offset);
  for (int64_t tap = 0; tap < window.taps; ++tap)
    work.weights[tap] = rows.filter.weight(window, tap) / 255.0f;
  const uint8_t* source = view.image + (box.top + window.first) * pitch + box.left * 3;
  mix_source_rows(source, pitch, work.weights, window.taps, int64_t{box.width} * 3, work.row);
  mix_columns(work);
  store_row(work, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#endif  // AMCL_CPU_AUGMENT_RESIZE_INL_H
