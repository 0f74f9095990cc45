#include "engine/backend/cpu/concat_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/concat_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Scores of kRows rows at once, so that their sums do not wait for one another.
template <int64_t kRows>
void ScoreRows(const float* HWY_RESTRICT fixed, const float* HWY_RESTRICT others,
               const float* HWY_RESTRICT weights, int64_t hidden, float bias,
               float* HWY_RESTRICT r) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[kRows];
  for (V& sum : sums) sum = hn::Zero(d);
  int64_t k = 0;
  for (; k + lanes <= hidden; k += lanes) {
    const V a = hn::LoadU(d, fixed + k);
    const V w = hn::LoadU(d, weights + k);
    for (int64_t row = 0; row < kRows; ++row) {
      const V b = hn::LoadU(d, others + row * hidden + k);
      // In this order a sum that is not a number stays so on x86.
      sums[row] = hn::MulAdd(w, hn::Max(hn::Zero(d), hn::Add(a, b)), sums[row]);
    }
  }
  for (int64_t row = 0; row < kRows; ++row) {
    float sum = bias + hn::GetLane(hn::SumOfLanes(d, sums[row]));
    for (int64_t rest = k; rest < hidden; ++rest)
      sum += weights[rest] * std::max(fixed[rest] + others[row * hidden + rest], 0.0f);
    r[row] = sum;
  }
}

void Scores(const float* fixed, const float* others, const float* weights, int64_t hidden,
            int64_t count, float bias, float* r) {
  constexpr int64_t kRows = 4;
  int64_t j = 0;
  for (; j + kRows <= count; j += kRows)
    ScoreRows<kRows>(fixed, others + j * hidden, weights, hidden, bias, r + j);
  for (; j < count; ++j) ScoreRows<1>(fixed, others + j * hidden, weights, hidden, bias, r + j);
}

// kVectors vectors of units over all rows, their sums in registers.
template <int64_t kVectors, bool kOutputs>
void GradientUnits(const float* HWY_RESTRICT fixed, const float* HWY_RESTRICT others,
                   const float* HWY_RESTRICT dr, int64_t hidden, int64_t count,
                   float* HWY_RESTRICT active, float* HWY_RESTRICT outputs) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V a[kVectors];
  V actives[kVectors];
  V weighted[kVectors];
  for (int64_t v = 0; v < kVectors; ++v) {
    a[v] = hn::LoadU(d, fixed + v * lanes);
    actives[v] = hn::Zero(d);
    weighted[v] = hn::Zero(d);
  }
  for (int64_t j = 0; j < count; ++j) {
    const V upstream = hn::Set(d, dr[j]);
    for (int64_t v = 0; v < kVectors; ++v) {
      const V sum = hn::Add(a[v], hn::LoadU(d, others + j * hidden + v * lanes));
      const V kept = hn::IfThenElseZero(hn::Gt(sum, hn::Zero(d)), upstream);
      actives[v] = hn::Add(actives[v], kept);
      if constexpr (kOutputs) weighted[v] = hn::MulAdd(kept, sum, weighted[v]);
    }
  }
  for (int64_t v = 0; v < kVectors; ++v) {
    hn::StoreU(actives[v], d, active + v * lanes);
    if constexpr (kOutputs) hn::StoreU(weighted[v], d, outputs + v * lanes);
  }
}

template <bool kOutputs>
void Gradient(const float* fixed, const float* others, const float* dr, int64_t hidden,
              int64_t count, float* active, float* outputs) {
  constexpr int64_t kVectors = 4;
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  const auto at = [](float* values, int64_t k) { return kOutputs ? values + k : nullptr; };
  int64_t k = 0;
  for (; k + kVectors * lanes <= hidden; k += kVectors * lanes)
    GradientUnits<kVectors, kOutputs>(fixed + k, others + k, dr, hidden, count, active + k,
                                      at(outputs, k));
  for (; k + lanes <= hidden; k += lanes)
    GradientUnits<1, kOutputs>(fixed + k, others + k, dr, hidden, count, active + k,
                               at(outputs, k));
  for (; k < hidden; ++k) {
    float active_sum = 0.0f;
    float output_sum = 0.0f;
    for (int64_t j = 0; j < count; ++j) {
      const float sum = fixed[k] + others[j * hidden + k];
      if (!(sum > 0.0f)) continue;
      active_sum += dr[j];
      output_sum += dr[j] * sum;
    }
    active[k] = active_sum;
    if constexpr (kOutputs) outputs[k] = output_sum;
  }
}

void GradientOfRow(const float* fixed, const float* others, const float* dr, int64_t hidden,
                   int64_t count, float* active, float* nullable_outputs) {
  if (nullable_outputs != nullptr)
    Gradient<true>(fixed, others, dr, hidden, count, active, nullable_outputs);
  else
    Gradient<false>(fixed, others, dr, hidden, count, active, nullptr);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(Scores);
HWY_EXPORT(GradientOfRow);

void concat_score_row(const float* fixed, const float* others, const float* weights, int64_t hidden,
                      int64_t count, float bias, float* r) {
  HWY_DYNAMIC_DISPATCH(Scores)(fixed, others, weights, hidden, count, bias, r);
}

void concat_gradient_row(const float* fixed, const float* others, const float* dr, int64_t hidden,
                         int64_t count, float* active, float* nullable_outputs) {
  HWY_DYNAMIC_DISPATCH(GradientOfRow)(fixed, others, dr, hidden, count, active, nullable_outputs);
}

}  // namespace amcl
#endif  // HWY_ONCE
