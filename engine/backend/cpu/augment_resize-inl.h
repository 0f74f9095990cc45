// The resize of augmentation, one row of the view at a time. Rows first, because that works on the
// bytes as they lie; the result is the same but for rounding.
//
// No include guard in the usual sense: hwy/foreach_target.h includes this once per target.
#include <algorithm>
#include <cstdint>
#include <type_traits>

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

// Calls f(fixed_taps): the usual numbers as constants, 0 for any other. A loop of known length costs
// half as many instructions.
template <class F>
HWY_INLINE void with_fixed_taps(int64_t taps, const F& f) {
  switch (taps) {
    case 2:
      return f(std::integral_constant<int, 2>());
    case 3:
      return f(std::integral_constant<int, 3>());
    case 4:
      return f(std::integral_constant<int, 4>());
    case 5:
      return f(std::integral_constant<int, 5>());
    default:
      return f(std::integral_constant<int, 0>());
  }
}

// out[x] = sum over taps of weights * row, pixel by pixel: a vector of four holds one pixel and the
// red value of the next, which is overwritten. (Gathering a vector of red values takes three times
// as long with AVX2.) `fixed_taps`: as many as that, or any number where it is 0.
template <int fixed_taps>
HWY_INLINE void mix_columns(const AugmentWorkspace& work) {
  const int64_t taps = fixed_taps > 0 ? fixed_taps : work.taps;
  const int64_t width = work.width;
  const int64_t pitch = work.column_pitch;
  const int32_t* HWY_RESTRICT first = work.column_first;
  const float* HWY_RESTRICT source = work.rows;
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

// Row y of the view, before its columns are resized.
HWY_INLINE void mix_rows(const AugmentView& view, const AugmentWorkspace& work,
                         const ResizedAxis& rows, int64_t y, float* HWY_RESTRICT row) {
  const ViewParameters& box = view.parameters;
  const int64_t pitch = view.image_width * 3;
  const ResizeFilter::Window window = rows.filter.window(y + rows.offset);
  for (int64_t tap = 0; tap < window.taps; ++tap)
    work.weights[tap] = rows.filter.weight(window, tap) / 255.0f;
  const uint8_t* source = view.image + (box.top + window.first) * pitch + box.left * 3;
  mix_source_rows(source, pitch, work.weights, window.taps, int64_t{box.width} * 3, row);
}

#if HWY_MAX_BYTES >= 32
// A vector holds one pixel of each of so many rows, in blocks of four lanes: a weight serves them all.
constexpr int64_t kRowsAtOnce = HWY_MAX_BYTES / 16;
constexpr int64_t kColumnsAtOnce = 4;

// The block of four at p and those at p + pitch, p + 2 pitch, ...
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* HWY_RESTRICT p, int64_t pitch) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<D> half;
    constexpr int64_t kBlocks = hn::MaxLanes(half) / 4;
    return hn::Combine(d, load_blocks(half, p + kBlocks * pitch, pitch),
                       load_blocks(half, p, pitch));
  }
}

// The reverse.
template <class D>
HWY_INLINE void store_blocks(hn::Vec<D> value, D d, float* HWY_RESTRICT p, int64_t pitch) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    hn::StoreU(value, d, p);
  } else {
    const hn::Half<D> half;
    constexpr int64_t kBlocks = hn::MaxLanes(half) / 4;
    store_blocks(hn::LowerHalf(half, value), half, p, pitch);
    store_blocks(hn::UpperHalf(half, value), half, p + kBlocks * pitch, pitch);
  }
}

// Four columns at a time, which are turned into four pixels of each plane and row. The last four
// overlap those before: a row must not be written past its end, where the next one is made already.
template <int fixed_taps>
HWY_INLINE void mix_columns_of_rows(const AugmentWorkspace& work, int64_t y) {
  const Floats d;
  const hn::Repartition<double, Floats> pairs;
  const int64_t taps = fixed_taps > 0 ? fixed_taps : work.taps;
  const int64_t width = work.width;
  const int64_t pitch = work.column_pitch;
  const int32_t* HWY_RESTRICT first = work.column_first;
  const float* HWY_RESTRICT pixels = work.pixels;
  const float* HWY_RESTRICT weights = work.column_weights;
  float* HWY_RESTRICT red_plane = work.planes + y * width;
  float* HWY_RESTRICT green_plane = red_plane + work.plane_pitch;
  float* HWY_RESTRICT blue_plane = green_plane + work.plane_pitch;
  const auto column = [&](int64_t x) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (int64_t tap = 0; tap < taps; ++tap)
      sum = hn::MulAdd(hn::Set(d, weights[x * pitch + tap]),
                       hn::Load(d, pixels + (first[x] + tap) * lanes()), sum);
    return sum;
  };
  for (int64_t x = 0; x < width; x += kColumnsAtOnce) {
    const int64_t begin = std::min(x, width - kColumnsAtOnce);
    const Vector column0 = column(begin);
    const Vector column1 = column(begin + 1);
    const Vector column2 = column(begin + 2);
    const Vector column3 = column(begin + 3);
    // Block by block: r0 r1 g0 g1, r2 r3 g2 g3; b0 b1 and b2 b3 with what is no colour.
    const auto red_green_01 = hn::BitCast(pairs, hn::InterleaveLower(d, column0, column1));
    const auto red_green_23 = hn::BitCast(pairs, hn::InterleaveLower(d, column2, column3));
    const auto blue_01 = hn::BitCast(pairs, hn::InterleaveUpper(d, column0, column1));
    const auto blue_23 = hn::BitCast(pairs, hn::InterleaveUpper(d, column2, column3));
    const Vector red = hn::BitCast(d, hn::InterleaveLower(pairs, red_green_01, red_green_23));
    const Vector green = hn::BitCast(d, hn::InterleaveUpper(pairs, red_green_01, red_green_23));
    const Vector blue = hn::BitCast(d, hn::InterleaveLower(pairs, blue_01, blue_23));
    store_blocks(clamp(red), d, red_plane + begin, width);
    store_blocks(clamp(green), d, green_plane + begin, width);
    store_blocks(clamp(blue), d, blue_plane + begin, width);
  }
}

// Rows y to y + kRowsAtOnce - 1 to the planes.
HWY_INLINE void resize_rows(const AugmentView& view, const AugmentWorkspace& work,
                            const ResizedAxis& rows, int64_t y) {
  const Floats d;
  const int64_t columns = view.parameters.width;
  const int64_t pitch = work.source_pitch;
  const float* HWY_RESTRICT mixed = work.rows;
  float* HWY_RESTRICT pixels = work.pixels;
  for (int64_t row = 0; row < kRowsAtOnce; ++row)
    mix_rows(view, work, rows, y + row, work.rows + row * pitch);
  for (int64_t x = 0; x < columns; ++x)
    hn::Store(load_blocks(d, mixed + 3 * x, pitch), d, pixels + lanes() * x);
  with_fixed_taps(work.taps, [&](auto taps) HWY_ATTR { mix_columns_of_rows<taps>(work, y); });
}
#endif

// Resizes rows from y on to the planes; gives how many.
HWY_INLINE int64_t resize_next(const AugmentView& view, const AugmentWorkspace& work,
                               const ResizedAxis& rows, int64_t y) {
#if HWY_MAX_BYTES >= 32
  if (y + kRowsAtOnce <= work.height && work.width >= kColumnsAtOnce) {
    resize_rows(view, work, rows, y);
    return kRowsAtOnce;
  }
#endif
  mix_rows(view, work, rows, y, work.rows);
  with_fixed_taps(work.taps, [&](auto taps) HWY_ATTR { mix_columns<taps>(work); });
  store_row(work, y);
  return 1;
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#endif  // AMCL_CPU_AUGMENT_RESIZE_INL_H
