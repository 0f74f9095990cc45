#include "engine/backend/plain/pair_statistics.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/pair_formulas.h"
#include "engine/backend/plain/plain_backend.h"

namespace amcl {
namespace {

void write_sums(const PairSums& sums, double* out) {
  out[0] = sums.similarity;
  out[1] = sums.similarity_squares;
  out[2] = sums.temperature;
  out[3] = sums.temperature_squares;
}

PairSums read_sums(const double* in) {
  return {.similarity = in[0],
          .similarity_squares = in[1],
          .temperature = in[2],
          .temperature_squares = in[3]};
}

// out [kPairStatistics] of one head from its records [anchors, kPairRecord], in their order.
void summarize(const double* records, int64_t anchors, const PairLossSpec& spec, float* out) {
  PairRowStatistics all;
  for (int64_t i = 0; i < anchors; ++i) all.add(PairRowStatistics::read(records + i * kPairRecord));
  const auto put = [&](PairStatistic statistic, double value) {
    out[statistic] = static_cast<float>(value);
  };
  const auto put_moments = [&](PairStatistic mean, PairStatistic std, double sum, double squares,
                               int64_t count) {
    const auto pairs = static_cast<double>(std::max<int64_t>(count, 1));
    put(mean, sum / pairs);
    put(std, standard_deviation(sum, squares, pairs));
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
  if (spec.adaptive && TemperatureBounds(spec.range).holds(tau)) ++at_bound;
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

void PairRowStatistics::write(double* record) const {
  write_sums(negative, record + kRecordNegative);
  write_sums(positive, record + kRecordPositive);
  record[kRecordPositives] = static_cast<double>(positives);
  record[kRecordNegatives] = static_cast<double>(negatives);
  record[kRecordAtBound] = static_cast<double>(at_bound);
  record[kRecordTemperatureMin] = temperature_min;
  record[kRecordTemperatureMax] = temperature_max;
  record[kRecordLogitAbsMax] = logit_abs_max;
}

PairRowStatistics PairRowStatistics::read(const double* record) {
  return {.positive = read_sums(record + kRecordPositive),
          .negative = read_sums(record + kRecordNegative),
          .positives = static_cast<int64_t>(record[kRecordPositives]),
          .negatives = static_cast<int64_t>(record[kRecordNegatives]),
          .at_bound = static_cast<int64_t>(record[kRecordAtBound]),
          .temperature_min = record[kRecordTemperatureMin],
          .temperature_max = record[kRecordTemperatureMax],
          .logit_abs_max = record[kRecordLogitAbsMax]};
}

void PlainBackend::pair_statistics(const Tensor& records, const PairLossSpec& spec,
                                   Tensor& statistics) {
  const int64_t anchors = records.dim(1);
  for (int64_t head = 0; head < records.dim(0); ++head)
    summarize(records.data<double>() + head * anchors * kPairRecord, anchors, spec,
              statistics.data<float>() + head * kPairStatistics);
}

}  // namespace amcl
