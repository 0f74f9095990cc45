#include "train/run/head_record.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "engine/backend/open.h"
#include "engine/nn/parameter_arena.h"
#include "tests/support/rng.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"
#include "train/run/trainer.h"

namespace amcl {
namespace {

// Counts of a histogram and the mean of its bins' middles.
struct Summary {
  int64_t count = 0;
  double mean = 0.0;
};

Summary summary_of(const LogRecord& histogram, const LogRecord& range) {
  const auto low = range[0].get<double>();
  const auto width = (range[1].get<double>() - low) / static_cast<double>(kHistogramBins);
  Summary summary;
  for (size_t i = 1; i < histogram.size(); ++i) {
    const auto count = histogram[i].get<int64_t>();
    summary.count += count;
    summary.mean += static_cast<double>(count) *
                    (low + width * (histogram[0].get<double>() + static_cast<double>(i) - 0.5));
  }
  summary.mean /= static_cast<double>(summary.count);
  return summary;
}

// A record of the first step, with the statistics that the loss itself reports.
struct FirstStep {
  std::unique_ptr<Backend> backend = open_backend("cpu");
  Dataset dataset = test::random_dataset(*backend, 32, 8);
  Trainer trainer;
  StepResult result;
  LogRecord record;

  explicit FirstStep(const Config& config)
      : trainer(*backend, dataset, config),
        result(trainer.step()),
        record(head_record({.step = 1, .epoch = 0}, trainer.method(), trainer.arena(), result)) {}

  double statistic(size_t head, PairStatistic statistic) const {
    return result.statistics[head * kPairStatistics + static_cast<size_t>(statistic)];
  }
};

TEST_CASE("head record: a histogram holds the used bins, and what lies outside in the outermost") {
  const std::array<float, 6> values = {-1.0F, -0.97F, -0.9F, 0.0F, 1.0F, 7.0F};
  const std::vector<int64_t> counts = histogram(values, -1.0, 1.0);
  REQUIRE(counts.size() == 65);  // the first bin, and 64 counts
  CHECK(counts[0] == 0);
  CHECK(counts[1] == 2);
  CHECK(counts[1 + 3] == 1);
  CHECK(counts[1 + 32] == 1);
  CHECK(counts[1 + 63] == 2);
  CHECK(histogram(std::array<float, 2>{0.01F, 0.04F}, -1.0, 1.0) == std::vector<int64_t>{32, 1, 1});
  CHECK(histogram({}, -1.0, 1.0).empty());
}

TEST_CASE("head record: the pairs of a small batch are those that the loss compares") {
  const FirstStep first(test::tiny_config({{"batch", "16"}}));
  const LogRecord& record = first.record;
  CHECK(record["anchors"] == 32);
  REQUIRE(record["heads"].size() == 2);
  for (size_t head = 0; head < 2; ++head) {
    const LogRecord& entry = record["heads"][head];
    const auto of = [&](const char* key, const char* range) {
      return summary_of(entry[key], record[range]);
    };
    const Summary positive = of("positive_similarity", "similarity_range");
    const Summary negative = of("negative_similarity", "similarity_range");
    CHECK(positive.count == 32);
    CHECK(negative.count == 32 * 30);  // neither the anchor itself nor its positive
    const double bin = 2.0 / static_cast<double>(kHistogramBins);
    CHECK(std::abs(positive.mean - first.statistic(head, kPositiveSimilarityMean)) < bin);
    CHECK(std::abs(negative.mean - first.statistic(head, kNegativeSimilarityMean)) < bin);
    // The temperature net has moved by one step since.
    const Summary tau = of("negative_temperature", "temperature_range");
    CHECK(tau.count == 32 * 30);
    CHECK(tau.mean ==
          doctest::Approx(first.statistic(head, kNegativeTemperatureMean)).epsilon(0.2));
    CHECK(entry["gradient_norm"].get<double>() > 0.0);
    CHECK(entry["effective_rank"].get<double>() > 1.0);
    CHECK(entry["feature_std"].get<double>() ==
          doctest::Approx(feature_std(first.result.projections.front())[head]));
  }
  CHECK(record["correlation"][0][0] == 1.0);
  CHECK(record["correlation"][0][1] == record["correlation"][1][0]);
}

TEST_CASE("head record: every method has one, with temperatures where those adapt") {
  for (const char* method : test::kMethods)
    for (const char* temperature : test::temperatures_of(method)) {
      INFO(std::string(method), ' ', std::string(temperature));
      const FirstStep first(test::tiny_config(method, temperature));
      const LogRecord& entry = first.record["heads"][0];
      const bool adaptive = std::string(temperature) == "adaptive";
      CHECK(entry.contains("positive_temperature") == adaptive);
      CHECK(first.record.contains("temperature_range") == adaptive);
      const Summary positive =
          summary_of(entry["positive_similarity"], first.record["similarity_range"]);
      CHECK(positive.count == first.record["anchors"].get<int64_t>());
      if (first.result.statistics.empty()) continue;
      CHECK(std::abs(positive.mean - first.statistic(0, kPositiveSimilarityMean)) < 0.04);
    }
}

TEST_CASE("head record: no more than 256 anchors, the same of each view") {
  const auto backend = open_backend("cpu");
  const Tensor z = test::Rng(5).normal(*backend, Shape{1, 600, 4}, DType::f32);
  const ComparedPairs pairs = compare_rows(z, z, 2, kRecordedAnchors, nullptr, {});
  CHECK(pairs.similarity.shape() == Shape{1, 256, 256});
  CHECK(pairs.shift == 128);
  // Anchor 0 is row 0; its positive, candidate 128, is row 300.
  const std::vector<double> values = z.to_host<double>();
  const auto cosine = [&](size_t a, size_t b) {
    double ab = 0.0;
    double aa = 0.0;
    double bb = 0.0;
    for (size_t i = 0; i < 4; ++i) {
      ab += values[4 * a + i] * values[4 * b + i];
      aa += values[4 * a + i] * values[4 * a + i];
      bb += values[4 * b + i] * values[4 * b + i];
    }
    return ab / std::sqrt(aa * bb);
  };
  CHECK(pairs.similarity.to_host<double>()[128] == doctest::Approx(cosine(0, 300)).epsilon(1e-5));
}

TEST_CASE("head record: it changes nothing of the run") {
  const Config config =
      test::tiny_config({{"method", "moco"}, {"queue", "24"}, {"bn_splits", "2"}});
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 32, 8);
  Trainer plain(*backend, dataset, config);
  Trainer watched(*backend, dataset, config);
  for (int64_t step = 1; step <= 3; ++step) {
    plain.step();
    const StepResult result = watched.step();
    head_record({.step = step, .epoch = 0}, watched.method(), watched.arena(), result);
  }
  CHECK(plain.arena().values().to_host<float>() == watched.arena().values().to_host<float>());
}

}  // namespace
}  // namespace amcl
