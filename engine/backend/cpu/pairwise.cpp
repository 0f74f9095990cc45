// The loss over a pair matrix of the cpu backend in f32.
//
// A row falls into runs of negatives, which the kernels take, between the anchor itself and its
// positive, which the scalar formulas take. Forward: one pass for logits and statistics, one for the
// sum of exponentials over the logits kept from the first. Backward of the log-sum-exp: one pass,
// which computes the logits again rather than read them from memory; that of the other reducers
// touches few pairs and is the plain one.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/pairwise_kernels.h"
#include "engine/backend/pair_formulas.h"
#include "engine/backend/plain/pair_rows.h"
#include "engine/backend/plain/pair_statistics.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kPairsPerThread = 8192;  // at least

int64_t row_grain(const Tensor& s) {
  return std::max<int64_t>(1, kPairsPerThread / std::max<int64_t>(1, s.dim(2)));
}

NegativePairs negatives_of(const PairLossSpec& spec) {
  return {.adaptive = spec.adaptive,
          .temperature = static_cast<float>(spec.temperature),
          .low = static_cast<float>(spec.range.low),
          .high = static_cast<float>(spec.range.high),
          .bias = static_cast<float>(spec.range.bias),
          .beta = static_cast<float>(spec.beta_negative),
          .a = static_cast<float>(spec.a_negative)};
}

// Calls body(begin, count) for the up to three runs of negatives of a row.
template <class Body>
void for_each_run(const PairRow<float>& row, const Body& body) {
  const std::array<int64_t, 3> ends = {std::min(row.positive, row.self),
                                       std::max(row.positive, row.self), row.candidates};
  int64_t begin = 0;
  for (const int64_t end : ends) {
    if (end > begin) body(begin, end - begin);
    begin = std::max(begin, end + 1);
  }
}

PairRowStatistics statistics_of(const PairRow<float>& row, const PairLossSpec& spec,
                                const NegativePairSums& negatives, double positive_tau,
                                double positive_logit) {
  PairRowStatistics result;
  result.negative = {.similarity = negatives.similarity,
                     .similarity_squares = negatives.similarity_squares,
                     .temperature = negatives.temperature,
                     .temperature_squares = negatives.temperature_squares};
  result.negatives = row.candidates - 1 - (row.self >= 0 ? 1 : 0);
  result.at_bound = negatives.at_bound;
  result.temperature_min = static_cast<double>(negatives.temperature_min);
  result.temperature_max = static_cast<double>(negatives.temperature_max);
  if (result.negatives > 0)
    result.logit_abs_max = std::max(std::abs(static_cast<double>(negatives.logit_min)),
                                    std::abs(static_cast<double>(negatives.logit_max)));
  result.positive.add(static_cast<double>(row.s[row.positive]), positive_tau);
  result.positives = 1;
  result.add_extremes(positive_tau, positive_logit, spec);
  return result;
}

// Scratch of one thread.
struct RowScratch {
  explicit RowScratch(int64_t candidates) : logit(static_cast<size_t>(candidates)) {}

  std::vector<float> logit;
  MostSimilar<float> most_similar;
};

// Red of S4.3 from the logits.
float reduce(const PairRow<float>& row, const PairLossSpec& spec, RowScratch& scratch,
             float largest_negative) {
  const float* logit = scratch.logit.data();
  double sum = 0.0;
  if (spec.reducer != PairReducer::lse) {
    const auto selected = scratch.most_similar(row, spec);
    for (const int64_t j : selected) sum += static_cast<double>(logit[j]);
    return static_cast<float>(sum / static_cast<double>(selected.size()));
  }
  const float positive = logit[row.positive];
  const float shift = spec.with_positive ? std::max(largest_negative, positive) : largest_negative;
  for_each_run(row, [&](int64_t begin, int64_t count) {
    sum += sum_of_shifted_exponentials(logit + begin, count, shift);
  });
  if (spec.with_positive) sum += static_cast<double>(std::exp(positive - shift));
  return static_cast<float>(static_cast<double>(shift) + std::log(sum));
}

}  // namespace

void CpuBackend::pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                           const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) {
  if (s.dtype() != DType::f32)
    return PlainBackend::pair_loss(s, nullable_r, positive, spec, loss, lse, records);
  const PairLossFormulas<float> formulas(spec);
  const NegativePairs negatives = negatives_of(spec);
  float* losses = loss.data<float>();
  float* reduced = lse.data<float>();
  double* record = records.data<double>();
  parallel_for(s.dim(0) * s.dim(1), row_grain(s), [&](int64_t begin, int64_t end) {
    RowScratch scratch(s.dim(2));
    float* logit = scratch.logit.data();
    for (int64_t i = begin; i < end; ++i) {
      const auto row = pair_row<float>(s, nullable_r, positive, spec, i);
      NegativePairSums sums;
      for_each_run(row, [&](int64_t first, int64_t count) {
        negative_pair_logits(negatives, row.s + first, row.r == nullptr ? nullptr : row.r + first,
                             count, logit + first, sums);
      });
      const float tau = formulas.temperature(row.r, row.positive).tau;
      const float own = formulas.positive.logit(row.s[row.positive], tau);
      logit[row.positive] = own;
      // The kernels' exponential makes 0 of what is not a number; it must reach the loss.
      const bool broken = std::isnan(sums.similarity + sums.temperature);
      reduced[i] = broken ? std::numeric_limits<float>::quiet_NaN()
                          : reduce(row, spec, scratch, sums.logit_max);
      losses[i] = reduced[i] - own + formulas.anchor.omega(tau);
      statistics_of(row, spec, sums, static_cast<double>(tau), static_cast<double>(own))
          .write(record + i * kPairRecord);
    }
  });
}

void CpuBackend::pair_loss_backward(const Tensor& s, const Tensor& nullable_r,
                                    const Tensor& positive, const PairLossSpec& spec,
                                    const Tensor& lse, const Tensor& dloss, Tensor& ds,
                                    Tensor& nullable_dr) {
  if (s.dtype() != DType::f32 || spec.reducer != PairReducer::lse)
    return PlainBackend::pair_loss_backward(s, nullable_r, positive, spec, lse, dloss, ds,
                                            nullable_dr);
  const PairLossFormulas<float> formulas(spec);
  const NegativePairs negatives = negatives_of(spec);
  parallel_for(s.dim(0) * s.dim(1), row_grain(s), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto row = pair_row<float>(s, nullable_r, positive, spec, i);
      const float row_lse = lse.data<float>()[i];
      const float row_dloss = dloss.data<float>()[i];
      float* row_ds = row_pointer<float>(ds, i);
      float* row_dr = row_pointer<float>(nullable_dr, i);
      // A row that is broken gives gradients that are; the kernels' exponential would make 0 of it.
      const float upstream = std::isnan(row_lse) ? row_lse : row_dloss;
      for_each_run(row, [&](int64_t first, int64_t count) {
        negative_pair_gradients(
            negatives, row.s + first, row.r == nullptr ? nullptr : row.r + first, count, row_lse,
            upstream, row_ds + first, row_dr == nullptr ? nullptr : row_dr + first);
      });
      const PairGradient<float> gradient(row, formulas, upstream, row_ds, row_dr);
      if (row.self >= 0) gradient.clear(row.self);
      gradient.put(row.positive, spec.with_positive ? gradient.positive_softmax(row_lse) : 0.0f);
    }
  });
}

}  // namespace amcl
