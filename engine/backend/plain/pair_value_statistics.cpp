// Statistics of pairs whose similarities and temperatures are there already.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/backend/pair_formulas.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"

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

// Adds the pairs of a head from similarities and temperatures [C, count].
template <class T>
void add(const Tensor& similarities, const Tensor& temperatures, int64_t head,
         const TemperatureRange& range, Sums& sums, Extremes& extremes) {
  const TemperatureBounds bounds(range);
  const int64_t count = similarities.count() / similarities.dim(0);
  const T* of_similarity = similarities.data<T>() + head * count;
  const T* of_temperature = temperatures.data<T>() + head * count;
  for (int64_t i = 0; i < count; ++i) {
    const auto s = static_cast<double>(static_cast<float>(of_similarity[i]));
    const auto tau = static_cast<double>(static_cast<float>(of_temperature[i]));
    sums.similarity += s;
    sums.similarity_squares += s * s;
    sums.temperature += tau;
    sums.temperature_squares += tau * tau;
    extremes.low = std::min(extremes.low, tau);
    extremes.high = std::max(extremes.high, tau);
    extremes.logit = std::max(extremes.logit, std::abs(s / tau));
    if (bounds.holds(tau)) extremes.at_bound += 1.0;
  }
  sums.count += static_cast<double>(count);
}

void put_moments(double count, double sum, double squares, PairStatistic mean, PairStatistic std,
                 float* out) {
  const double average = sum / count;  // not a number without pairs
  out[mean] = static_cast<float>(average);
  out[std] = static_cast<float>(count > 0.0 ? standard_deviation(sum, squares, count) : average);
}

void put(const Sums& positives, const Sums& negatives, const Extremes& extremes, double at_bound,
         float* out) {
  put_moments(positives.count, positives.similarity, positives.similarity_squares,
              kPositiveSimilarityMean, kPositiveSimilarityStd, out);
  put_moments(positives.count, positives.temperature, positives.temperature_squares,
              kPositiveTemperatureMean, kPositiveTemperatureStd, out);
  put_moments(negatives.count, negatives.similarity, negatives.similarity_squares,
              kNegativeSimilarityMean, kNegativeSimilarityStd, out);
  put_moments(negatives.count, negatives.temperature, negatives.temperature_squares,
              kNegativeTemperatureMean, kNegativeTemperatureStd, out);
  out[kTemperatureMin] = static_cast<float>(extremes.low);
  out[kTemperatureMax] = static_cast<float>(extremes.high);
  out[kTemperatureAtBound] = static_cast<float>(at_bound);
  out[kLogitAbsMax] = static_cast<float>(extremes.logit);
}

}  // namespace

void PlainBackend::pair_value_statistics(const Tensor& s, const Tensor& tau,
                                         const Tensor& nullable_s_all,
                                         const Tensor& nullable_tau_all,
                                         const TemperatureRange& range, Tensor& statistics) {
  dispatch_floating(s.dtype(), [&]<class T>(T) {
    for (int64_t head = 0; head < s.dim(0); ++head) {
      Sums positives;
      Sums negatives;
      Extremes extremes;
      add<T>(s, tau, head, range, positives, extremes);
      const double at_bound = extremes.at_bound / positives.count;
      if (nullable_s_all.defined()) {
        Sums all;
        extremes = {};
        add<T>(nullable_s_all, nullable_tau_all, head, range, all, extremes);
        negatives = all - positives;
      }
      put(positives, negatives, extremes, at_bound,
          statistics.data<float>() + head * kPairStatistics);
    }
  });
}

}  // namespace amcl
