#include "train/run/head_record.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "train/evaluation/effective_rank.h"
#include "train/run/head_metrics.h"

namespace amcl {
namespace {

constexpr double kLowestSimilarity = -1.0;
constexpr double kHighestSimilarity = 1.0;
constexpr double kKeptDigits = 1e4;  // of a mean temperature

size_t bin_of(float value, double low, double high) {
  const double place = (static_cast<double>(value) - low) / (high - low) * kHistogramBins;
  return static_cast<size_t>(std::clamp(place, 0.0, kHistogramBins - 1.0));
}

// From the first used bin to the last: its number, then `value(bin)` of each.
template <class Number, class Used, class Value>
std::vector<Number> used_bins(const Used& used, const Value& value) {
  std::vector<Number> result;
  size_t end = kHistogramBins;
  while (end > 0 && !used(end - 1)) --end;
  for (size_t bin = 0; bin < end; ++bin) {
    if (result.empty() && !used(bin)) continue;
    if (result.empty()) result.push_back(static_cast<Number>(bin));
    result.push_back(value(bin));
  }
  return result;
}

// Similarities of pairs of one kind of a head, and their temperatures or none.
struct PairSet {
  std::vector<float> similarity;
  std::vector<float> temperature;
};

// Mean temperature in each bin of similarity, -1 in one without pairs.
std::vector<double> temperature_profile(const PairSet& pairs) {
  std::vector<double> sums(kHistogramBins);
  std::vector<double> counts(kHistogramBins);
  for (size_t i = 0; i < pairs.similarity.size(); ++i) {
    const size_t bin = bin_of(pairs.similarity[i], kLowestSimilarity, kHighestSimilarity);
    sums[bin] += static_cast<double>(pairs.temperature[i]);
    counts[bin] += 1.0;
  }
  return used_bins<double>([&](size_t bin) { return counts[bin] > 0.0; },
                           [&](size_t bin) {
                             if (counts[bin] == 0.0) return -1.0;
                             return std::round(sums[bin] / counts[bin] * kKeptDigits) / kKeptDigits;
                           });
}

struct HeadPairs {
  PairSet positive;
  PairSet negative;
};

// Of head `head`; `temperature` may be empty.
HeadPairs split_pairs(const std::vector<float>& similarity, const std::vector<float>& temperature,
                      int64_t head, int64_t rows, int64_t shift) {
  HeadPairs pairs;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < rows; ++j) {
      const bool is_positive = j == (i + shift) % rows;
      if (!is_positive && shift != 0 && i == j) continue;
      PairSet& set = is_positive ? pairs.positive : pairs.negative;
      const auto at = static_cast<size_t>((head * rows + i) * rows + j);
      if (!std::isfinite(similarity[at])) continue;
      set.similarity.push_back(similarity[at]);
      if (!temperature.empty()) set.temperature.push_back(temperature[at]);
    }
  return pairs;
}

void add_histograms(LogRecord& record, const char* kind, const PairSet& pairs,
                    const TemperatureRange& range) {
  const std::string prefix(kind);
  record[prefix + "_similarity"] =
      histogram(pairs.similarity, kLowestSimilarity, kHighestSimilarity);
  if (pairs.temperature.empty()) return;
  record[prefix + "_temperature"] = histogram(pairs.temperature, range.low, range.high);
  record[prefix + "_temperature_by_similarity"] = temperature_profile(pairs);
}

}  // namespace

std::vector<int64_t> histogram(std::span<const float> values, double low, double high) {
  std::vector<int64_t> counts(kHistogramBins);
  for (const float value : values) ++counts[bin_of(value, low, high)];
  return used_bins<int64_t>([&](size_t bin) { return counts[bin] > 0; },
                            [&](size_t bin) { return counts[bin]; });
}

LogRecord head_record(const StepPosition& position, Method& method, ParameterArena& arena,
                      const StepResult& result) {
  const Tensor& z = result.projections.front();
  const ComparedPairs pairs = method.compared_pairs(result.projections, kRecordedAnchors);
  const std::vector<float> similarity = pairs.similarity.to_host<float>();
  const std::vector<float> temperature = pairs.nullable_temperature.defined()
                                             ? pairs.nullable_temperature.to_host<float>()
                                             : std::vector<float>();
  const std::vector<double> norms = gradient_norm_per_head(arena, z.dim(0));
  const std::vector<double> deviations = feature_std(z);
  const int64_t rows = pairs.similarity.dim(1);
  LogRecord record;
  record["step"] = position.step;
  record["epoch"] = position.epoch;
  record["loss"] = result.loss;
  record["anchors"] = rows;
  record["similarity_range"] = {kLowestSimilarity, kHighestSimilarity};
  if (!temperature.empty()) record["temperature_range"] = {pairs.range.low, pairs.range.high};
  record["heads"] = LogRecord::array();
  for (int64_t head = 0; head < z.dim(0); ++head) {
    LogRecord& entry = record["heads"].emplace_back();
    const HeadPairs split = split_pairs(similarity, temperature, head, rows, pairs.shift);
    add_histograms(entry, "positive", split.positive, pairs.range);
    add_histograms(entry, "negative", split.negative, pairs.range);
    const auto index = static_cast<size_t>(head);
    if (index < norms.size()) entry["gradient_norm"] = norms[index];
    entry["effective_rank"] = effective_rank(first_rows(z, head, kRecordedAnchors));
    entry["feature_std"] = deviations[index];
  }
  if (const auto matrix = head_similarity_correlations(z, kRecordedAnchors); !matrix.empty())
    record["correlation"] = matrix;
  return record;
}

}  // namespace amcl
