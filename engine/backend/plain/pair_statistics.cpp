#include "engine/backend/plain/pair_statistics.h"

#include <algorithm>
#include <cmath>

namespace amcl {
namespace {

double deviation(double sum, double squares, double count) {
  const double mean = sum / count;
  return std::sqrt(std::max(0.0, squares / count - mean * mean));
}

// out [kPairStatistics]
void summarize(std::span<const PairRowStatistics> rows, const PairLossSpec& spec, float* out) {
  PairRowStatistics all;
  for (const PairRowStatistics& row : rows) all.add(row);
  const auto put = [&](PairStatistic statistic, double value) {
    out[statistic] = static_cast<float>(value);
  };
  const auto put_moments = [&](PairStatistic mean, PairStatistic std, double sum, double squares,
                               int64_t count) {
    const auto pairs = static_cast<double>(std::max<int64_t>(count, 1));
    put(mean, sum / pairs);
    put(std, deviation(sum, squares, pairs));
  };
  put_moments(kPositiveSimilarityMean, kPositiveSimilarityStd, all.positive.similarity,
              all.positive.similarity_squares, all.positives);
  put_moments(kNegativeSimilarityMean, kNegativeSimilarityStd, all.negative.similarity,
              all.negative.similarity_squares, all.negatives);
  put_moments(kPositiveTemperatureMean, kPositiveTemperatureStd, all.positive.temperature,
              all.positive.temperature_squares, all.positives);
  put_moments(kNegativeTemperatureMean, kNegativeTemperatureStd, all.negative.temperature,
              all.negative.temperature_squares, all.negatives);
  put(kTemperatureMin, all.temperature_min);
  put(kTemperatureMax, all.temperature_max);
  put(kTemperatureAtBound,
      static_cast<double>(all.at_bound) / static_cast<double>(all.positives + all.negatives));
  put(kLogitAbsMax, all.logit_abs_max);
  if (!spec.adaptive) {
    // Exactly the constant, not what rounding leaves of it.
    put(kPositiveTemperatureMean, spec.temperature);
    put(kPositiveTemperatureStd, 0.0);
    put(kNegativeTemperatureMean, spec.temperature);
    put(kNegativeTemperatureStd, 0.0);
    put(kTemperatureMin, spec.temperature);
    put(kTemperatureMax, spec.temperature);
  }
}

}  // namespace

void PairRowStatistics::add_extremes(double tau, double logit, const PairLossSpec& spec) {
  const double margin = 1e-3 * (spec.range.high - spec.range.low);
  if (spec.adaptive && (tau - spec.range.low <= margin || spec.range.high - tau <= margin))
    ++at_bound;
  temperature_min = std::min(temperature_min, tau);
  temperature_max = std::max(temperature_max, tau);
  logit_abs_max = std::max(logit_abs_max, std::abs(logit));
}

void PairRowStatistics::add(const PairRowStatistics& other) {
  positive.add(other.positive);
  negative.add(other.negative);
  positives += other.positives;
  negatives += other.negatives;
  at_bound += other.at_bound;
  temperature_min = std::min(temperature_min, other.temperature_min);
  temperature_max = std::max(temperature_max, other.temperature_max);
  logit_abs_max = std::max(logit_abs_max, other.logit_abs_max);
}

void summarize_heads(std::span<const PairRowStatistics> rows, int64_t heads,
                     const PairLossSpec& spec, Tensor& statistics) {
  const size_t anchors = rows.size() / static_cast<size_t>(heads);
  for (int64_t head = 0; head < heads; ++head)
    summarize(rows.subspan(static_cast<size_t>(head) * anchors, anchors), spec,
              statistics.data<float>() + head * kPairStatistics);
}

}  // namespace amcl
