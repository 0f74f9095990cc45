#include "engine/backend/cpu/winograd_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/winograd_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "engine/backend/cpu/gemm_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The finite points are 0, +-a and +-b with a = sqrt(2), b = 1/sqrt(2): a^2 = 2, b^2 = 1/2, ab = 1.
inline constexpr float kA = 1.41421356237309505f;
inline constexpr float kB = 0.70710678118654752f;

HWY_INLINE Vector Constant(float value) {
  return hn::Set(D(), value);
}

// B^T d: six values of the input to six points.
HWY_INLINE void ForwardPoints(const Vector (&in)[6], Vector (&out)[6]) {
  out[0] = hn::Add(in[0], hn::NegMulAdd(Constant(2.5f), in[2], in[4]));
  const Vector even_a = hn::NegMulAdd(Constant(0.5f), in[2], in[4]);
  const Vector odd_a = hn::NegMulAdd(Constant(0.5f), in[1], in[3]);
  const Vector even_b = hn::NegMulAdd(Constant(2.0f), in[2], in[4]);
  const Vector odd_b = hn::NegMulAdd(Constant(2.0f), in[1], in[3]);
  out[1] = hn::MulAdd(Constant(kA), odd_a, even_a);
  out[2] = hn::NegMulAdd(Constant(kA), odd_a, even_a);
  out[3] = hn::MulAdd(Constant(kB), odd_b, even_b);
  out[4] = hn::NegMulAdd(Constant(kB), odd_b, even_b);
  out[5] = hn::Add(in[1], hn::NegMulAdd(Constant(2.5f), in[3], in[5]));
}

// G g: three taps of the filter to six points.
HWY_INLINE void FilterPoints(const Vector (&in)[3], Vector (&out)[6]) {
  const Vector sixth = Constant(1.0f / 6.0f);
  const Vector third = Constant(-2.0f / 3.0f);
  out[0] = in[0];
  const Vector even_a = hn::Mul(sixth, hn::MulAdd(Constant(2.0f), in[2], in[0]));
  const Vector odd_a = hn::Mul(Constant(kA / 6.0f), in[1]);
  const Vector even_b = hn::Mul(third, hn::MulAdd(Constant(0.5f), in[2], in[0]));
  const Vector odd_b = hn::Mul(Constant(-2.0f * kB / 3.0f), in[1]);
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
  out[5] = in[2];
}

// A^T m: six points to four values of the output.
HWY_INLINE void OutputValues(const Vector (&in)[6], Vector (&out)[4]) {
  const Vector sum_a = hn::Add(in[1], in[2]);
  const Vector difference_a = hn::Sub(in[1], in[2]);
  const Vector sum_b = hn::Add(in[3], in[4]);
  const Vector difference_b = hn::Sub(in[3], in[4]);
  out[0] = hn::Add(in[0], hn::Add(sum_a, sum_b));
  out[1] = hn::MulAdd(Constant(kA), difference_a, hn::Mul(Constant(kB), difference_b));
  out[2] = hn::MulAdd(Constant(2.0f), sum_a, hn::Mul(Constant(0.5f), sum_b));
  out[3] = hn::MulAdd(Constant(2.0f * kA), difference_a,
                      hn::MulAdd(Constant(0.5f * kB), difference_b, in[5]));
}

// The weight gradient's filter is the tile of four: its values at the six points. The divisors of
// G are left to WeightValues.
HWY_INLINE void GradientPoints(const Vector (&in)[4], Vector (&out)[6]) {
  out[0] = in[0];
  const Vector even_a = hn::MulAdd(Constant(2.0f), in[2], in[0]);
  const Vector odd_a = hn::MulAdd(Constant(2.0f), in[3], in[1]);
  const Vector even_b = hn::MulAdd(Constant(0.5f), in[2], in[0]);
  const Vector odd_b = hn::MulAdd(Constant(0.5f), in[3], in[1]);
  out[1] = hn::MulAdd(Constant(kA), odd_a, even_a);
  out[2] = hn::NegMulAdd(Constant(kA), odd_a, even_a);
  out[3] = hn::MulAdd(Constant(kB), odd_b, even_b);
  out[4] = hn::NegMulAdd(Constant(kB), odd_b, even_b);
  out[5] = in[3];
}

// Six points to three taps of the weight gradient.
HWY_INLINE void WeightValues(const Vector (&in)[6], Vector (&out)[3]) {
  const Vector sixth = Constant(1.0f / 6.0f);
  const Vector third = Constant(-2.0f / 3.0f);
  const Vector sum_a = hn::Mul(sixth, hn::Add(in[1], in[2]));
  const Vector difference_a = hn::Mul(sixth, hn::Sub(in[1], in[2]));
  const Vector sum_b = hn::Mul(third, hn::Add(in[3], in[4]));
  const Vector difference_b = hn::Mul(third, hn::Sub(in[3], in[4]));
  out[0] = hn::Add(in[0], hn::Add(sum_a, sum_b));
  out[1] = hn::MulAdd(Constant(kA), difference_a, hn::Mul(Constant(kB), difference_b));
  out[2] = hn::MulAdd(Constant(2.0f), sum_a, hn::MulAdd(Constant(0.5f), sum_b, in[5]));
}

// Applies a transformation of kIn to kOut values along both axes of a square of vectors:
// load(i, j) gives the input, store(i, j, value) takes the output.
template <int kIn, int kOut, class Transform, class Load, class Store>
HWY_INLINE void TransformSquare(const Transform& transform, const Load& load, const Store& store) {
  HWY_ALIGN float columns[kOut * kIn * kLanes];
  const D d;
#pragma GCC unroll 6
  for (int j = 0; j < kIn; ++j) {
    Vector in[kIn];
    Vector out[kOut];
#pragma GCC unroll 6
    for (int i = 0; i < kIn; ++i) in[i] = load(i, j);
    transform(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < kOut; ++i) hn::Store(out[i], d, columns + (i * kIn + j) * kLanes);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kOut; ++i) {
    Vector in[kIn];
    Vector out[kOut];
#pragma GCC unroll 6
    for (int j = 0; j < kIn; ++j) in[j] = hn::Load(d, columns + (i * kIn + j) * kLanes);
    transform(in, out);
#pragma GCC unroll 6
    for (int j = 0; j < kOut; ++j) store(i, j, out[j]);
  }
}

void TransformFilter(const float* w, int64_t filters, int64_t channels, bool rotated,
                     int64_t first_output, int64_t last_output, float* packed) {
  const int64_t inputs = rotated ? filters : channels;
  const int64_t outputs = rotated ? channels : filters;
  const int64_t panel = Panel(outputs);
  const int64_t point_stride = RoundUp(outputs, panel) * inputs;
  // taps[rs][lane]: the nine taps from `input` to the outputs of one vector.
  HWY_ALIGN float taps[9 * kLanes] = {};
  const D d;
  const auto transform = [](const Vector(&in)[3], Vector(&out)[6]) { FilterPoints(in, out); };
  for (int64_t begin = first_output; begin < last_output; begin += panel)
    for (int64_t input = 0; input < inputs; ++input)
      for (int64_t v = 0; v < panel; v += kLanes) {
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          const int64_t output = begin + v + lane;
          const int64_t filter = rotated ? input : output;
          const int64_t channel = rotated ? output : input;
          for (int64_t tap = 0; tap < 9; ++tap)
            taps[(rotated ? 8 - tap : tap) * kLanes + lane] =
                output < outputs ? w[(filter * 9 + tap) * channels + channel] : 0.0f;
        }
        float* destination = packed + begin * inputs + input * panel + v;
        TransformSquare<3, 6>(
            transform, [&](int i, int j) { return hn::Load(d, taps + (i * 3 + j) * kLanes); },
            [&](int i, int j, Vector value) {
              hn::StoreU(value, d, destination + (i * 6 + j) * point_stride);
            });
      }
}

// Where the 6 x 6 (or 4 x 4) places from (top, left) of an image are; outside it, `zeros`.
template <int kSide>
HWY_INLINE void Places(const float* image, const WinogradTiles& t, int64_t top, int64_t left,
                       const float* zeros, const float* (&places)[kSide * kSide]) {
  for (int64_t i = 0; i < kSide; ++i)
    for (int64_t j = 0; j < kSide; ++j) {
      const int64_t h = top + i;
      const int64_t w = left + j;
      const bool inside = h >= 0 && h < t.height && w >= 0 && w < t.width;
      places[i * kSide + j] = inside ? image + (h * t.width + w) * t.channels : zeros;
    }
}

// A row of `v`, at `destination`, from the tile whose pixel (i, j) starts at place(i, j).
template <int kSide, class Transform, class Place>
HWY_INLINE void TransformTile(int64_t channels, const Transform& transform, const Place& place,
                              int64_t point_stride, float* destination) {
  const D d;
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes)
    TransformSquare<kSide, 6>(
        transform, [&](int i, int j) { return hn::LoadU(d, place(i, j) + c); },
        [&](int i, int j, Vector value) {
          hn::StoreU(value, d, destination + (i * 6 + j) * point_stride + c);
        });
  for (const int64_t end = RoundUp(channels, Panel(channels)); c < end; c += kLanes)
    TransformSquare<kSide, 6>(
        transform, [&](int i, int j) { return LoadFirst(place(i, j) + c, channels - c); },
        [&](int i, int j, Vector value) {
          hn::StoreU(value, d, destination + (i * 6 + j) * point_stride + c);
        });
}

template <int kSide, class Transform>
HWY_INLINE void TransformTiles(const float* x, const WinogradTiles& t, int64_t padding,
                               int64_t first, int64_t count, const float* zeros,
                               const WinogradMatrices& v, const Transform& transform) {
  const int64_t tiles_of_image = t.tiles_high * t.tiles_wide;
  const int64_t image_row = t.width * t.channels;
  for (int64_t row = 0; row < count; ++row) {
    const int64_t tile = (first + row) % tiles_of_image;
    const float* image = x + (first + row) / tiles_of_image * t.height * image_row;
    const int64_t top = tile / t.tiles_wide * kWinogradTile - padding;
    const int64_t left = tile % t.tiles_wide * kWinogradTile - padding;
    float* destination = v.data + row * v.row_stride;
    if (top >= 0 && left >= 0 && top + kSide <= t.height && left + kSide <= t.width) {
      const float* corner = image + top * image_row + left * t.channels;
      TransformTile<kSide>(
          t.channels, transform,
          [&](int i, int j) { return corner + i * image_row + j * t.channels; }, v.point_stride,
          destination);
    } else {
      const float* places[kSide * kSide];
      Places<kSide>(image, t, top, left, zeros, places);
      TransformTile<kSide>(
          t.channels, transform, [&](int i, int j) { return places[i * kSide + j]; },
          v.point_stride, destination);
    }
  }
}

void TransformInput(const float* x, const WinogradTiles& tiles, int64_t padding, int64_t first,
                    int64_t count, const float* zeros, const WinogradMatrices& v) {
  TransformTiles<6>(x, tiles, padding, first, count, zeros, v,
                    [](const Vector(&in)[6], Vector(&out)[6]) { ForwardPoints(in, out); });
}

void TransformGradient(const float* dy, const WinogradTiles& tiles, int64_t first, int64_t count,
                       const float* zeros, const WinogradMatrices& v) {
  TransformTiles<4>(dy, tiles, 0, first, count, zeros, v,
                    [](const Vector(&in)[4], Vector(&out)[6]) { GradientPoints(in, out); });
}

template <int V>
void MultiplyPoints(const WinogradMatrices& v, const float* packed, int64_t count, int64_t inputs,
                    int64_t outputs, const WinogradMatrices& m) {
  constexpr int64_t kPanel = V * kLanes;
  // A panel of the filter of this many inputs stays in the first-level cache.
  constexpr int64_t kInputsAtOnce = 256;
  for (int64_t point = 0; point < kWinogradPoints; ++point)
    for (int64_t output = 0; output < outputs; output += kPanel) {
      for (int64_t input = 0; input < inputs; input += kInputsAtOnce)
        MultiplyPanel<V, true>(count, {v.data + point * v.point_stride + input, v.row_stride, 1},
                               packed + input * kPanel, kPanel,
                               std::min(kInputsAtOnce, inputs - input),
                               m.data + point * m.point_stride + output, m.row_stride, input > 0);
      packed += inputs * kPanel;
    }
}

void Multiply(const WinogradMatrices& v, const float* packed, int64_t count, int64_t inputs,
              int64_t outputs, const WinogradMatrices& m) {
  if (Panel(outputs) == kLanes)
    MultiplyPoints<1>(v, packed, count, inputs, outputs, m);
  else
    MultiplyPoints<2>(v, packed, count, inputs, outputs, m);
}

template <int V>
void MultiplyTransposedPoints(const WinogradMatrices& d, const WinogradMatrices& v, int64_t points,
                              int64_t count, int64_t filters, int64_t channels, bool accumulate,
                              const WinogradMatrices& m) {
  for (int64_t point = 0; point < points; ++point)
    for (int64_t channel = 0; channel < channels; channel += V * kLanes)
      MultiplyPanel<V, false>(filters, {d.data + point * d.point_stride, 1, d.row_stride},
                              v.data + point * v.point_stride + channel, v.row_stride, count,
                              m.data + point * m.point_stride + channel, m.row_stride, accumulate);
}

void MultiplyTransposed(const WinogradMatrices& d, const WinogradMatrices& v, int64_t points,
                        int64_t count, int64_t filters, int64_t channels, bool accumulate,
                        const WinogradMatrices& m) {
  if (Panel(channels) == kLanes)
    MultiplyTransposedPoints<1>(d, v, points, count, filters, channels, accumulate, m);
  else
    MultiplyTransposedPoints<2>(d, v, points, count, filters, channels, accumulate, m);
}

// The epilogue over vectors of channels from `channel` on, of which `count` exist; `place` is where
// the first of them is in y.
template <bool kWhole>
HWY_INLINE Vector WithEpilogue(Vector value, const ConvEpilogue& epilogue, Vector bias,
                               int64_t place, int64_t count) {
  const D d;
  value = hn::Add(value, bias);
  if (const auto* residual = static_cast<const float*>(epilogue.nullable_residual);
      residual != nullptr)
    value = hn::Add(value,
                    kWhole ? hn::LoadU(d, residual + place) : LoadFirst(residual + place, count));
  return epilogue.relu ? hn::Max(hn::Zero(d), value) : value;
}

template <bool kEpilogue>
void TransformOutputs(const WinogradMatrices& m, const WinogradTiles& t, int64_t first,
                      int64_t count, const ConvEpilogue& epilogue, float* y) {
  const D d;
  const int64_t tiles_of_image = t.tiles_high * t.tiles_wide;
  const auto transform = [](const Vector(&in)[6], Vector(&out)[4]) { OutputValues(in, out); };
  for (int64_t row = 0; row < count; ++row) {
    const int64_t tile = (first + row) % tiles_of_image;
    const int64_t top = tile / t.tiles_wide * kWinogradTile;
    const int64_t left = tile % t.tiles_wide * kWinogradTile;
    const int64_t corner = (first + row) / tiles_of_image * t.height * t.width * t.channels +
                           (top * t.width + left) * t.channels;
    const float* source = m.data + row * m.row_stride;
    const bool whole = top + kWinogradTile <= t.height && left + kWinogradTile <= t.width;
    for (int64_t c = 0; c < t.channels; c += kLanes) {
      const auto load = [&](int i, int j) {
        return hn::LoadU(d, source + (i * 6 + j) * m.point_stride + c);
      };
      const int64_t columns = t.channels - c;
      const Vector bias = kEpilogue ? LoadFirst(epilogue.nullable_bias + c, columns) : hn::Zero(d);
      if (whole && c + kLanes <= t.channels) {
        TransformSquare<6, 4>(transform, load, [&](int i, int j, Vector value) {
          const int64_t place = corner + (i * t.width + j) * t.channels + c;
          if constexpr (kEpilogue)
            value = WithEpilogue<true>(value, epilogue, bias, place, columns);
          hn::StoreU(value, d, y + place);
        });
      } else {
        TransformSquare<6, 4>(transform, load, [&](int i, int j, Vector value) {
          if (top + i >= t.height || left + j >= t.width) return;
          const int64_t place = corner + (i * t.width + j) * t.channels + c;
          if constexpr (kEpilogue)
            value = WithEpilogue<false>(value, epilogue, bias, place, columns);
          StoreFirst(value, columns, y + place);
        });
      }
    }
  }
}

void TransformOutput(const WinogradMatrices& m, const WinogradTiles& tiles, int64_t first,
                     int64_t count, const ConvEpilogue& epilogue, float* y) {
  if (epilogue.nullable_bias != nullptr)
    TransformOutputs<true>(m, tiles, first, count, epilogue, y);
  else
    TransformOutputs<false>(m, tiles, first, count, epilogue, y);
}

void TransformWeightGradient(const WinogradMatrices& m, int64_t parts, int64_t part_stride,
                             int64_t channels, int64_t first, int64_t last, float* dw) {
  const D d;
  const auto transform = [](const Vector(&in)[6], Vector(&out)[3]) { WeightValues(in, out); };
  for (int64_t filter = first; filter < last; ++filter)
    for (int64_t c = 0; c < channels; c += kLanes)
      TransformSquare<6, 3>(
          transform,
          [&](int i, int j) {
            const float* source = m.data + (i * 6 + j) * m.point_stride + filter * m.row_stride + c;
            Vector sum = hn::LoadU(d, source);
            for (int64_t part = 1; part < parts; ++part)
              sum = hn::Add(sum, hn::LoadU(d, source + part * part_stride));
            return sum;
          },
          [&](int i, int j, Vector value) {
            StoreFirst(value, channels - c, dw + (filter * 9 + i * 3 + j) * channels + c);
          });
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(Panel);
HWY_EXPORT(TransformFilter);
HWY_EXPORT(TransformInput);
HWY_EXPORT(TransformGradient);
HWY_EXPORT(Multiply);
HWY_EXPORT(MultiplyTransposed);
HWY_EXPORT(TransformOutput);
HWY_EXPORT(TransformWeightGradient);

int64_t winograd_panel(int64_t channels) {
  return HWY_DYNAMIC_DISPATCH(Panel)(channels);
}

void winograd_transform_filter(const float* w, int64_t filters, int64_t channels, bool rotated,
                               int64_t first_output, int64_t last_output, float* packed) {
  HWY_DYNAMIC_DISPATCH(TransformFilter)
  (w, filters, channels, rotated, first_output, last_output, packed);
}

void winograd_transform_input(const float* x, const WinogradTiles& tiles, int64_t padding,
                              int64_t first, int64_t count, const float* zeros,
                              const WinogradMatrices& v) {
  HWY_DYNAMIC_DISPATCH(TransformInput)(x, tiles, padding, first, count, zeros, v);
}

void winograd_transform_gradient(const float* dy, const WinogradTiles& tiles, int64_t first,
                                 int64_t count, const float* zeros, const WinogradMatrices& v) {
  HWY_DYNAMIC_DISPATCH(TransformGradient)(dy, tiles, first, count, zeros, v);
}

void winograd_multiply(const WinogradMatrices& v, const float* packed, int64_t count,
                       int64_t inputs, int64_t outputs, const WinogradMatrices& m) {
  HWY_DYNAMIC_DISPATCH(Multiply)(v, packed, count, inputs, outputs, m);
}

void winograd_multiply_transposed(const WinogradMatrices& d, const WinogradMatrices& v,
                                  int64_t points, int64_t count, int64_t filters, int64_t channels,
                                  bool accumulate, const WinogradMatrices& m) {
  HWY_DYNAMIC_DISPATCH(MultiplyTransposed)(d, v, points, count, filters, channels, accumulate, m);
}

void winograd_transform_output(const WinogradMatrices& m, const WinogradTiles& tiles, int64_t first,
                               int64_t count, const ConvEpilogue& epilogue, float* y) {
  HWY_DYNAMIC_DISPATCH(TransformOutput)(m, tiles, first, count, epilogue, y);
}

void winograd_transform_weight_gradient(const WinogradMatrices& m, int64_t parts,
                                        int64_t part_stride, int64_t channels, int64_t first,
                                        int64_t last, float* dw) {
  HWY_DYNAMIC_DISPATCH(TransformWeightGradient)
  (m, parts, part_stride, channels, first, last, dw);
}

}  // namespace amcl
#endif  // HWY_ONCE
