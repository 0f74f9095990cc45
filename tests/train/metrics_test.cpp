#include "train/run/metrics.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

StepResult result_with(double at_bound) {
  StepResult result;
  result.loss = 3.0;
  result.per_head = {1.0, 2.0};
  result.gradient_norm = 0.5;
  result.statistics.assign(2 * kPairStatistics, 0.25);
  result.statistics[kTemperatureAtBound] = 0.0;
  result.statistics[kPairStatistics + kTemperatureAtBound] = at_bound;
  return result;
}

TEST_CASE("metrics: feature_std is about 1 on the sphere and 0 where all rows point one way") {
  const auto backend = open_backend("plain");
  const Tensor even = test::Rng(1).normal(*backend, Shape{1, 400, 32}, DType::f32);
  CHECK(feature_std(even).front() == doctest::Approx(1.0).epsilon(0.03));

  // Two heads: one direction at different lengths, and the two poles of an axis.
  std::vector<float> rows(2 * 4 * 4, 0.0F);
  for (size_t row = 0; row < 4; ++row) {
    rows[row * 4] = static_cast<float>(row + 1);
    rows[16 + row * 4] = row % 2 == 0 ? 1.0F : -1.0F;
  }
  const std::vector<double> deviations =
      feature_std(Tensor::from_host(*backend, Shape{2, 4, 4}, std::span<const float>(rows)));
  CHECK(deviations[0] == doctest::Approx(0.0));
  CHECK(deviations[1] ==
        doctest::Approx(0.5));  // deviation 1 in one of four features, times sqrt(4)
}

TEST_CASE("metrics: a record names every number, with one value per head") {
  const LogRecord record =
      metrics_record({.step = 12, .epoch = 1, .rate = 0.06}, result_with(0.1),
                     {.feature_std = {0.9, 0.8}, .gradient_norm = {0.3, 0.4}, .correlation = 0.7},
                     {.pairs_per_second = 100.0, .loader_wait_share = 0.25});
  CHECK(record["step"].get<int64_t>() == 12);
  CHECK(record["epoch"].get<int64_t>() == 1);
  CHECK(record["loss"].get<double>() == 3.0);
  CHECK(record["loss_per_head"].get<std::vector<double>>() == std::vector<double>{1.0, 2.0});
  CHECK(record["lr"].get<double>() == 0.06);
  CHECK(record["gradient_norm"].get<double>() == 0.5);
  CHECK(record["pairs_per_second"].get<double>() == 100.0);
  CHECK(record["loader_wait_share"].get<double>() == 0.25);
  CHECK(record["feature_std"].get<std::vector<double>>() == std::vector<double>{0.9, 0.8});
  CHECK(record["gradient_norm_per_head"].get<std::vector<double>>() ==
        std::vector<double>{0.3, 0.4});
  CHECK(record["head_similarity_correlation"].get<double>() == 0.7);
  CHECK(record["temperature_at_bound"].get<std::vector<double>>() == std::vector<double>{0.0, 0.1});
  CHECK(record["negative_temperature_std"].get<std::vector<double>>() ==
        std::vector<double>{0.25, 0.25});
}

TEST_CASE("metrics: an online evaluation is a line and a sentence, with labels and without") {
  const OnlineScores labelled{.bank = 4096,
                              .queries = 1024,
                              .knn_top1 = 45.25,
                              .linear_top1 = 43.0,
                              .effective_rank = 80.5};
  const LogRecord record = online_record({.step = 40, .epoch = 4}, labelled);
  CHECK(record["step"].get<int>() == 40);
  CHECK(record["knn_top1"].get<double>() == 45.25);
  CHECK(record["knn_bank"].get<int>() == 4096);
  CHECK_FALSE(record.contains("alignment"));
  CHECK(online_text(labelled) ==
        "kNN 45.2 %, linear 43.0 % (1024 test images), effective rank 80.5");
  const OnlineScores unlabelled{.alignment = 0.5, .uniformity = -2.25, .effective_rank = 7.0};
  CHECK_FALSE(online_record({}, unlabelled).contains("knn_top1"));
  CHECK(online_text(unlabelled) == "alignment 0.500, uniformity -2.250, effective rank 7.0");
}

TEST_CASE("watch: temperatures at a bound are told once, and only if they are the most") {
  TrainingWatch watch(0, 100, 5.0);
  CHECK(watch.judge(1, result_with(0.49), {1.0, 1.0}).empty());
  const std::vector<std::string> warnings = watch.judge(2, result_with(0.61), {1.0, 1.0});
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("step 2: 61 % of the temperatures of head 1") == 0);
  CHECK(watch.judge(3, result_with(0.9), {1.0, 1.0}).empty());
}

TEST_CASE("watch: a collapse is told once, after the settling time") {
  TrainingWatch watch(10, 100, 5.0);
  CHECK(watch.judge(9, result_with(0.0), {0.01, 1.0}).empty());
  const std::vector<std::string> warnings = watch.judge(10, result_with(0.0), {1.0, 0.05});
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("step 10: the features of head 1 have collapsed") == 0);
  CHECK(watch.judge(11, result_with(0.0), {0.05, 0.05}).empty());
  // The remedy is not what is in effect anyway.
  CHECK(warnings[0].ends_with("; a smaller --lr or --clip-norm helps"));
  CHECK(TrainingWatch(0, 100, 5.0, "amcl-table2")
            .judge(1, result_with(0.0), {0.01, 1.0})
            .at(0)
            .ends_with("or --objective amcl helps"));
}

TEST_CASE("watch: a loss at the chance level is told once, after the time to learn") {
  TrainingWatch watch(0, 10, 3.02);  // the loss is 3
  CHECK(watch.judge(9, result_with(0.0), {1.0, 1.0}).empty());
  const std::vector<std::string> warnings = watch.judge(10, result_with(0.0), {1.0, 1.0});
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("step 10: the loss 3 is still at the chance level 3.02") == 0);
  CHECK(watch.judge(11, result_with(0.0), {1.0, 1.0}).empty());
  CHECK(TrainingWatch(0, 10, 3.2).judge(10, result_with(0.0), {1.0, 1.0}).empty());
}

}  // namespace
}  // namespace amcl
