#include "engine/backend/cpu/augment_kernels.h"

#include <algorithm>
#include <cstring>

#include "engine/backend/augment_filters.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/augment_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "engine/backend/cpu/augment_color-inl.h"
#include "engine/backend/cpu/augment_resize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The jitter's operations order[first] to order[last - 1].
struct ColorRange {
  size_t first;
  size_t last;
};

HWY_INLINE void apply_colors(const ViewParameters& parameters, const AugmentWorkspace& work,
                             const ColorRange& range, const Band& band, float mean) {
  for (size_t i = range.first; i < range.last; ++i)
    apply_color(parameters.order[i], parameters, work, band, mean);
}

// Calls use(band) for every band, in order, as soon as its pixels are resized.
template <class Use>
HWY_INLINE void resize_in_bands(const AugmentView& view, const AugmentWorkspace& work,
                                const Use& use) {
  const ResizedAxis rows = resized_rows(view.parameters, work.height);
  const int64_t count = work.height * work.width;
  Band band{0, 0};
  for (int64_t y = 0; y < work.height;) {
    y += resize_next(view, work, rows, y);
    const int64_t made = y * work.width;
    while (band.begin < count && (made == count || made >= band.begin + kAugmentBand)) {
      band.end = std::min(band.begin + kAugmentBand, count);
      use(band);
      band.begin = band.end;
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

// Row y of a blurred plane. Blocks of a few vectors at a time, so that a weight serves all of them.
HWY_INLINE void blur_column(const AugmentWorkspace& work, int64_t radius,
                            const float* HWY_RESTRICT in, int64_t y, float* HWY_RESTRICT out) {
  constexpr int64_t kVectors = 4;
  const Floats d;
  for (int64_t x = 0; x < work.width; x += kVectors * lanes()) {
    const float* center = in + y * work.width + x;
    Vector sum[kVectors];
    for (int64_t v = 0; v < kVectors; ++v)
      sum[v] = hn::Mul(hn::Set(d, work.weights[0]), hn::LoadU(d, center + v * lanes()));
    for (int64_t k = 1; k <= radius; ++k) {
      const float* above = in + reflect(y - k, work.height) * work.width + x;
      const float* below = in + reflect(y + k, work.height) * work.width + x;
      const auto weight = hn::Set(d, work.weights[k]);
      for (int64_t v = 0; v < kVectors; ++v)
        sum[v] = hn::MulAdd(
            weight, hn::Add(hn::LoadU(d, above + v * lanes()), hn::LoadU(d, below + v * lanes())),
            sum[v]);
    }
    for (int64_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + x + v * lanes());
  }
}

// The last stages of `count` pixels, from three planes to y [count, 3]: solarize and normalise.
class Finish {
 public:
  explicit Finish(const AugmentView& view) : solarize_(view.parameters.solarize) {
    for (size_t channel = 0; channel < 3; ++channel) {
      scale_[channel] = 1.0f / view.normalization.deviation[channel];
      shift_[channel] = -view.normalization.mean[channel] * scale_[channel];
    }
  }

  HWY_INLINE void operator()(const float* HWY_RESTRICT planes, int64_t pitch, int64_t count,
                             float* HWY_RESTRICT y) const {
    const Floats d;
    const auto one = hn::Set(d, 1.0f);
    HWY_ALIGN float rest[3 * kAugmentOverrun];
    for (int64_t i = 0; i < count; i += lanes()) {
      const auto channel = [&](int64_t c) HWY_ATTR {
        auto value = hn::LoadU(d, planes + c * pitch + i);
        // Inverted from 1/2 upwards: the smaller of the two.
        if (solarize_) value = hn::Min(value, hn::Sub(one, value));
        return hn::MulAdd(value, hn::Set(d, scale_[c]), hn::Set(d, shift_[c]));
      };
      const bool whole = i + lanes() <= count;
      hn::StoreInterleaved3(channel(0), channel(1), channel(2), d, whole ? y + 3 * i : rest);
      if (!whole)
        std::memcpy(y + 3 * i, rest, static_cast<size_t>(3 * (count - i)) * sizeof(float));
    }
  }

 private:
  float scale_[3];
  float shift_[3];
  bool solarize_;
};

// Along rows from `planes` to `blurred`, whose rows are written in order, so that what a vector
// writes past a row's end is overwritten; then along columns, a row at a time, to y.
HWY_INLINE void blur_and_finish(const AugmentView& view, const AugmentWorkspace& work,
                                const Finish& finish) {
  const float sigma = view.parameters.blur_sigma;
  const int64_t row_radius = blur_radius(sigma, work.width);
  blur_weights(sigma, row_radius, work.weights);
  for (int64_t channel = 0; channel < 3; ++channel)
    for (int64_t y = 0; y < work.height; ++y) {
      const int64_t offset = channel * work.plane_pitch + y * work.width;
      blur_row(work, row_radius, work.planes + offset, work.blurred + offset);
    }
  const int64_t column_radius = blur_radius(sigma, work.height);
  blur_weights(sigma, column_radius, work.weights);
  for (int64_t y = 0; y < work.height; ++y) {
    for (int64_t channel = 0; channel < 3; ++channel)
      blur_column(work, column_radius, work.blurred + channel * work.plane_pitch, y,
                  work.blurred_rows + channel * work.row_pitch);
    finish(work.blurred_rows, work.row_pitch, work.width, view.y + y * work.width * 3);
  }
}

void AugmentOneView(const AugmentView& view, const AugmentWorkspace& work) {
  static_assert(HWY_MAX_BYTES <= kAugmentOverrun * sizeof(float));
  const ViewParameters& parameters = view.parameters;
  const size_t all = parameters.jitter ? parameters.order.size() : 0;
  const auto begin = parameters.order.begin();
  const auto contrast = static_cast<size_t>(
      std::find(begin, begin + static_cast<std::ptrdiff_t>(all), ColorOp::contrast) - begin);
  const Finish finish(view);
  const bool blurs = parameters.blur_sigma > 0.0f;
  const auto complete = [&](size_t first, const Band& band, float mean) HWY_ATTR {
    apply_colors(parameters, work, {first, all}, band, mean);
    if (parameters.grayscale) make_gray(work, band);
    if (!blurs)
      finish(work.planes + band.begin, work.plane_pitch, band.end - band.begin,
             view.y + 3 * band.begin);
  };
  if (contrast == all) {
    resize_in_bands(view, work, [&](const Band& band) HWY_ATTR { complete(0, band, 0.0f); });
  } else {
    // Up to the contrast while the band is being made, the rest when the mean is known.
    double luma_sum = 0.0;
    resize_in_bands(view, work, [&](const Band& band) HWY_ATTR {
      apply_colors(parameters, work, {0, contrast}, band, 0.0f);
      luma_sum += sum_luma(work, band);
    });
    const int64_t count = work.height * work.width;
    const auto mean = static_cast<float>(luma_sum / static_cast<double>(count));
    for (Band band{0, 0}; band.begin < count; band.begin = band.end) {
      band.end = std::min(band.begin + kAugmentBand, count);
      complete(contrast, band, mean);
    }
  }
  if (blurs) blur_and_finish(view, work, finish);
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
