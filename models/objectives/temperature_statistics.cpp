#include "models/objectives/temperature_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "engine/core/device.h"

namespace amcl {
namespace {

// Sums over the pairs of one head.
struct Sums {
  double count = 0.0;
  double similarity = 0.0;
  double similarity_squares = 0.0;
  double temperature = 0.0;
  double temperature_squares = 0.0;

  Sums operator-(const Sums& other) const {
    return {count - other.count, similarity - other.similarity,
            similarity_squares - other.similarity_squares, temperature - other.temperature,
            temperature_squares - other.temperature_squares};
  }
};

struct Extremes {
  double low = std::numeric_limits<double>::infinity();
  double high = 0.0;
  double logit = 0.0;
  double at_bound = 0.0;  // pairs
};

void add(std::span<const float> similarities, std::span<const float> temperatures,
         const TemperatureRange& range, Sums& sums, Extremes& extremes) {
  const double margin = 1e-3 * (range.high - range.low);
  for (size_t i = 0; i < similarities.size(); ++i) {
    const auto s = static_cast<double>(similarities[i]);
    const auto tau = static_cast<double>(temperatures[i]);
    sums.similarity += s;
    sums.similarity_squares += s * s;
    sums.temperature += tau;
    sums.temperature_squares += tau * tau;
    extremes.low = std::min(extremes.low, tau);
    extremes.high = std::max(extremes.high, tau);
    extremes.logit = std::max(extremes.logit, std::abs(s / tau));
    if (tau - range.low <= margin || range.high - tau <= margin) extremes.at_bound += 1.0;
  }
  sums.count += static_cast<double>(similarities.size());
}

void put_moments(double count, double sum, double squares, PairStatistic mean, PairStatistic std,
                 std::span<float> out) {
  const double average = sum / count;  // not a number without pairs
  out[mean] = static_cast<float>(average);
  out[std] = static_cast<float>(
      count > 0.0 ? std::sqrt(std::max(0.0, squares / count - average * average)) : average);
}

}  // namespace

Tensor temperature_statistics(const PairValues& positive, const PairValues& all,
                              const TemperatureRange& range) {
  const int64_t heads = positive.similarity.dim(0);
  const auto head_of = [heads](const std::vector<float>& values, int64_t head) {
    const size_t count = values.size() / static_cast<size_t>(heads);
    return std::span(values).subspan(static_cast<size_t>(head) * count, count);
  };
  const std::vector<float> s = positive.similarity.to_host<float>();
  const std::vector<float> tau = positive.temperature.to_host<float>();
  const bool negatives = all.similarity.defined();
  const std::vector<float> all_s =
      negatives ? all.similarity.to_host<float>() : std::vector<float>{};
  const std::vector<float> all_tau =
      negatives ? all.temperature.to_host<float>() : std::vector<float>{};

  std::vector<float> values(static_cast<size_t>(heads * kPairStatistics));
  for (int64_t head = 0; head < heads; ++head) {
    Sums of_positives;
    Sums of_all;
    Extremes extremes;
    add(head_of(s, head), head_of(tau, head), range, of_positives, extremes);
    const double at_bound = extremes.at_bound / of_positives.count;
    Sums of_negatives;
    if (negatives) {
      extremes = {};
      add(head_of(all_s, head), head_of(all_tau, head), range, of_all, extremes);
      of_negatives = of_all - of_positives;
    }
    const std::span out = std::span(values).subspan(static_cast<size_t>(head * kPairStatistics),
                                                    static_cast<size_t>(kPairStatistics));
    put_moments(of_positives.count, of_positives.similarity, of_positives.similarity_squares,
                kPositiveSimilarityMean, kPositiveSimilarityStd, out);
    put_moments(of_positives.count, of_positives.temperature, of_positives.temperature_squares,
                kPositiveTemperatureMean, kPositiveTemperatureStd, out);
    put_moments(of_negatives.count, of_negatives.similarity, of_negatives.similarity_squares,
                kNegativeSimilarityMean, kNegativeSimilarityStd, out);
    put_moments(of_negatives.count, of_negatives.temperature, of_negatives.temperature_squares,
                kNegativeTemperatureMean, kNegativeTemperatureStd, out);
    out[kTemperatureMin] = static_cast<float>(extremes.low);
    out[kTemperatureMax] = static_cast<float>(extremes.high);
    out[kTemperatureAtBound] = static_cast<float>(at_bound);
    out[kLogitAbsMax] = static_cast<float>(extremes.logit);
  }
  return Tensor::from_host<float>(positive.similarity.device(), Shape{heads, kPairStatistics},
                                  values);
}

}  // namespace amcl
