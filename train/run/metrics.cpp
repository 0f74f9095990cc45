#include "train/run/metrics.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "engine/backend/backend.h"

namespace amcl {
namespace {

// Unit vectors with a feature_std of s have a mean cosine of about 1 - s^2: here 0.99.
constexpr double kCollapsedStd = 0.1;

// A loss that is not this share of the chance level (or of 1 nat) below it has learned nothing.
constexpr double kLearnedShare = 0.01;

struct NamedStatistic {
  const char* name;
  PairStatistic statistic;
};

constexpr NamedStatistic kLoggedStatistics[] = {
    {"positive_similarity_mean", kPositiveSimilarityMean},
    {"positive_similarity_std", kPositiveSimilarityStd},
    {"negative_similarity_mean", kNegativeSimilarityMean},
    {"negative_similarity_std", kNegativeSimilarityStd},
    {"positive_temperature_mean", kPositiveTemperatureMean},
    {"positive_temperature_std", kPositiveTemperatureStd},
    {"negative_temperature_mean", kNegativeTemperatureMean},
    {"negative_temperature_std", kNegativeTemperatureStd},
    {"temperature_min", kTemperatureMin},
    {"temperature_max", kTemperatureMax},
    {"temperature_at_bound", kTemperatureAtBound},
    {"logit_abs_max", kLogitAbsMax},
};

// One statistic of every head.
std::vector<double> per_head(const StepResult& result, PairStatistic statistic) {
  std::vector<double> values;
  for (size_t i = static_cast<size_t>(statistic); i < result.statistics.size();
       i += kPairStatistics)
    values.push_back(result.statistics[i]);
  return values;
}

}  // namespace

std::vector<double> feature_std(const Tensor& z) {
  AMCL_CHECK(z.rank() == 3, "feature_std: projections must be [C, M, d], got ", z.shape());
  Tensor u = Tensor::empty_like(z);
  Tensor norm = Tensor::empty(z.device(), z.shape().without_last(), z.dtype());
  backend_of(z).l2_normalize(z, kNormEpsilon, u, norm);
  const std::vector<double> values = u.to_host<double>();
  const int64_t rows = z.dim(1);
  const int64_t features = z.dim(2);
  std::vector<double> deviations;
  for (int64_t head = 0; head < z.dim(0); ++head) {
    std::vector<double> sum(static_cast<size_t>(features));
    std::vector<double> squares(static_cast<size_t>(features));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < features; ++j) {
        const double value = values[static_cast<size_t>((head * rows + row) * features + j)];
        sum[static_cast<size_t>(j)] += value;
        squares[static_cast<size_t>(j)] += value * value;
      }
    const auto n = static_cast<double>(rows);
    double deviation = 0.0;
    for (size_t j = 0; j < sum.size(); ++j)
      deviation += std::sqrt(std::max(0.0, squares[j] / n - sum[j] / n * (sum[j] / n)));
    deviations.push_back(deviation / std::sqrt(static_cast<double>(features)));
  }
  return deviations;
}

LogRecord metrics_record(const StepPosition& position, const StepResult& result,
                         const HeadMetrics& heads, const StepTiming& timing) {
  LogRecord record;
  record["step"] = position.step;
  record["epoch"] = position.epoch;
  record["loss"] = result.loss;
  record["loss_per_head"] = result.per_head;
  record["lr"] = position.rate;
  record["gradient_norm"] = result.gradient_norm;
  record["pairs_per_second"] = timing.pairs_per_second;
  record["loader_wait_share"] = timing.loader_wait_share;
  if (!result.statistics.empty())
    for (const NamedStatistic& logged : kLoggedStatistics)
      record[logged.name] = per_head(result, logged.statistic);
  record["feature_std"] = heads.feature_std;
  if (!heads.gradient_norm.empty()) record["gradient_norm_per_head"] = heads.gradient_norm;
  if (heads.correlation) record["head_similarity_correlation"] = *heads.correlation;
  return record;
}

LogRecord classifier_record(const StepPosition& position, const StepResult& result,
                            double train_top1, const StepTiming& timing) {
  LogRecord record;
  record["step"] = position.step;
  record["epoch"] = position.epoch;
  record["loss"] = result.loss;
  record["lr"] = position.rate;
  record["gradient_norm"] = result.gradient_norm;
  record["images_per_second"] = timing.pairs_per_second;
  record["loader_wait_share"] = timing.loader_wait_share;
  record["train_top1"] = train_top1;
  return record;
}

LogRecord held_out_record(const StepPosition& position, const ClassifierScores& scores) {
  LogRecord record;
  record["step"] = position.step;
  record["epoch"] = position.epoch;
  record["held_out_top1"] = scores.top1;
  record["held_out_loss"] = scores.loss;
  record["held_out_images"] = scores.images;
  return record;
}

bool is_held_out_record(const LogRecord& record) {
  const auto holds_number = [&](const char* key) {
    return record.contains(key) && record[key].is_number();
  };
  return holds_number("held_out_top1") && holds_number("held_out_loss");
}

ClassifierScores held_out_scores(const LogRecord& record) {
  return {.top1 = record["held_out_top1"].get<double>(),
          .loss = record["held_out_loss"].get<double>()};
}

std::string held_out_text(const ClassifierScores& scores) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << scores.top1 << " % of " << scores.images
       << " held-out images, loss " << std::setprecision(4) << scores.loss;
  return text.str();
}

bool is_better(const ClassifierScores& scores, const ClassifierScores& others) {
  return scores.top1 > others.top1 || (scores.top1 == others.top1 && scores.loss < others.loss);
}

LogRecord online_record(const StepPosition& position, const OnlineScores& scores) {
  LogRecord record;
  record["step"] = position.step;
  record["epoch"] = position.epoch;
  if (scores.knn_top1) {
    record["knn_top1"] = *scores.knn_top1;
    record["knn_k"] = kOnlineNeighbours;
    record["knn_temperature"] = kOnlineTemperature;
    record["knn_bank"] = scores.bank;
    record["linear_top1"] = *scores.linear_top1;
    record["test_images"] = scores.queries;
  }
  if (scores.alignment) {
    record["alignment"] = *scores.alignment;
    record["uniformity"] = *scores.uniformity;
  }
  record["effective_rank"] = scores.effective_rank;
  return record;
}

bool is_online_record(const LogRecord& record) {
  return record.contains("effective_rank");
}

std::string online_text(const OnlineScores& scores) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1);
  if (scores.knn_top1)
    text << "kNN " << *scores.knn_top1 << " %, linear " << *scores.linear_top1 << " % ("
         << scores.queries << " test images), ";
  if (scores.alignment)
    text << std::setprecision(3) << "alignment " << *scores.alignment << ", uniformity "
         << *scores.uniformity << ", " << std::setprecision(1);
  text << "effective rank " << scores.effective_rank;
  return text.str();
}

std::vector<std::string> TrainingWatch::judge(int64_t step, const StepResult& result,
                                              const std::vector<double>& deviations) {
  std::vector<std::string> warnings;
  if (!temperatures_told_ && !result.statistics.empty()) {
    const std::vector<double> shares = per_head(result, kTemperatureAtBound);
    const auto worst = std::max_element(shares.begin(), shares.end());
    if (*worst > 0.5) {
      temperatures_told_ = true;
      warnings.push_back(concat_text(
          "step ", step, ": ", std::lround(*worst * 100), " % of the temperatures of head ",
          worst - shares.begin(),
          " lie at a bound and no longer adapt; a smaller --beta or --omega-a, or wider bounds "
          "(--temperature-low, --temperature-high) helps"));
    }
  }
  if (!collapse_told_ && step >= judged_from_ && !deviations.empty()) {
    const auto worst = std::min_element(deviations.begin(), deviations.end());
    if (*worst < kCollapsedStd) {
      collapse_told_ = true;
      warnings.push_back(concat_text(
          "step ", step, ": the features of head ", worst - deviations.begin(),
          " have collapsed (feature_std ", *worst,
          " of about 1): nearly the same for every image; a smaller --lr",
          usual_form_ ? " or --clip-norm helps" : ", --clip-norm or --objective amcl helps"));
    }
  }
  if (!chance_told_ && step >= learned_step_ &&
      result.loss > chance_level_ - kLearnedShare * std::max(1.0, std::abs(chance_level_))) {
    chance_told_ = true;
    warnings.push_back(concat_text(
        "step ", step, ": the loss ", result.loss, " is still at the chance level ", chance_level_,
        ": nothing is learned yet; another --lr, a --warmup-epochs or weaker crops help"));
  }
  return warnings;
}

}  // namespace amcl
