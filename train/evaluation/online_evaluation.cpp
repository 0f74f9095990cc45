#include "train/evaluation/online_evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/sources/good_images.h"
#include "data/views/dataset_placement.h"
#include "data/views/evaluation_batches.h"
#include "data/views/preprocessing.h"
#include "data/views/view_maker.h"
#include "engine/ops/ops.h"
#include "train/evaluation/alignment_uniformity.h"
#include "train/evaluation/column_statistics.h"
#include "train/evaluation/effective_rank.h"
#include "train/evaluation/knn.h"

namespace amcl {
namespace {

constexpr int64_t kMostBank = 4096;
constexpr int64_t kMostQueries = 1024;
constexpr int64_t kMostRankRows = 512;
constexpr std::array<double, 1> kProbeRate = {0.03};
constexpr double kProbeMomentum = 0.9;
// Of the variance, where the probe standardises a batch.
constexpr double kProbeEpsilon = 1e-5;
constexpr const char* kProbeValues = "online_probe.values";
constexpr const char* kProbeVelocity = "online_probe.velocity";

// `wanted` of 0..count-1, evenly spaced: classes may stand one after the other.
std::vector<int64_t> evenly_spaced(int64_t count, int64_t wanted) {
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < std::min(count, wanted); ++i)
    chosen.push_back(i * count / std::min(count, wanted));
  return chosen;
}

// Up to `wanted` images, evenly spaced; without the bad ones among them, where those are skipped.
std::vector<int64_t> some_images(const Dataset& dataset, int64_t wanted) {
  return good_images(dataset, evenly_spaced(dataset.count(), wanted), wanted);
}

// A copy in memory, as evaluation sees the images.
Dataset subset(Backend& backend, const Dataset& dataset, const std::vector<int64_t>& images) {
  Dataset part;
  part.name = dataset.name;
  part.images = evaluation_pixels(backend, dataset, images);
  part.class_names = dataset.class_names;
  part.normalization = dataset.normalization;
  for (const int64_t image : images)
    part.labels.push_back(dataset.labels[static_cast<size_t>(image)]);
  return part;
}

std::vector<int32_t> labels_of(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::vector<int32_t> labels;
  for (const int64_t image : images) labels.push_back(dataset.labels[static_cast<size_t>(image)]);
  return labels;
}

// Up to `wanted` rows of x [n, D], evenly spaced.
Tensor some_rows(const Tensor& x, int64_t wanted) {
  const std::vector<int64_t> rows = evenly_spaced(x.dim(0), wanted);
  const std::vector<int32_t> index(rows.begin(), rows.end());
  return gather_rows(x, Tensor::from_host<int32_t>(x.device(), {std::ssize(index)}, index));
}

}  // namespace

OnlineEvaluation::OnlineEvaluation(Backend& backend, Method& method, const Dataset& train,
                                   const Dataset& test, const AugmentPolicy& policy, uint64_t seed,
                                   int64_t images_at_once)
    : backend_(backend),
      method_(method),
      train_(train),
      policy_(policy),
      seed_(seed),
      at_once_(std::min(images_at_once, kEmbeddedAtOnce)) {
  const bool labelled = train.labelled() && test.labelled();
  bank_ = some_images(train, labelled ? kMostBank : kMostRankRows);
  if (!labelled) return;
  const int64_t most = std::max<int64_t>(1, std::min(kMostQueries, std::ssize(bank_) / 4));
  Dataset seen_alike = test;
  preprocess_with(seen_alike, preprocessing_of(train));
  queries_ = subset(backend, seen_alike, some_images(seen_alike, most));
  for (const std::vector<int32_t>* labels : {&train.labels, &test.labels})
    classes_ = std::max<int64_t>(classes_, 1 + *std::max_element(labels->begin(), labels->end()));
  probe_ =
      std::make_unique<SoftmaxRegressions>(backend, kProbeRate, method.feature_dim(), classes_);
}

void OnlineEvaluation::learn(const Tensor& features, const std::vector<int64_t>& samples,
                             double progress) {
  if (!probe_) return;
  const int64_t rows = features.dim(0);
  AMCL_CHECK(!samples.empty() && rows % std::ssize(samples) == 0, "online probe: ", rows,
             " rows are no views of ", samples.size(), " images");
  std::vector<int32_t> labels;
  for (int64_t begin = 0; begin < rows; begin += std::ssize(samples))
    for (const int64_t sample : samples)
      labels.push_back(train_.labels[static_cast<size_t>(sample)]);
  const Tensor x =
      standardize_columns(features.view(Shape{1, rows, features.dim(1)}), 0, kProbeEpsilon)
          .view(features.shape());
  probe_->step(x, labels, 0.5 + 0.5 * std::cos(std::numbers::pi * progress), kProbeMomentum);
}

OnlineScores OnlineEvaluation::evaluate(const BetweenBatches& between) {
  OnlineScores scores;
  const Tensor bank = backbone_features(method_, backend_, train_, bank_, at_once_, between);
  scores.effective_rank = effective_rank(some_rows(bank, kMostRankRows));
  if (probe_) {
    score_labels(scores, bank, between);
  } else {
    score_views(scores, between);
  }
  return scores;
}

void OnlineEvaluation::score_labels(OnlineScores& scores, const Tensor& bank,
                                    const BetweenBatches& between) {
  const Tensor queries = backbone_features(method_, backend_, queries_, at_once_, between);
  scores.bank = bank.dim(0);
  scores.queries = queries.dim(0);
  const KnnResult knn = knn_classify(bank, labels_of(train_, bank_), queries, classes_,
                                     {.k = kOnlineNeighbours, .temperature = kOnlineTemperature});
  scores.knn_top1 = top1_percent(knn.predictions, queries_.labels);
  const Tensor x = standardize(queries, column_statistics(bank));
  scores.linear_top1 = top1_percent(probe_->predict(x, 0), queries_.labels);
}

void OnlineEvaluation::score_views(OnlineScores& scores, const BetweenBatches& between) {
  if (std::ssize(bank_) < 2) return;
  const auto [first, second] = view_features(between);
  scores.alignment = alignment(first, second);
  scores.uniformity = 0.5 * (uniformity(first) + uniformity(second));
}

// The same views at every evaluation, those of the first epoch.
std::array<Tensor, 2> OnlineEvaluation::view_features(const BetweenBatches& between) {
  const ForwardContext context{.phase = Phase::eval, .update_running_statistics = false};
  const ImageExtent view = train_.view_extent();
  Backend& device = maker_of_views(train_, backend_);
  ViewMaker maker(device, train_, policy_, seed_);
  std::array<std::vector<Tensor>, 2> parts;
  for (int64_t begin = 0; begin < std::ssize(bank_); begin += at_once_) {
    between();
    const int64_t count = std::min(at_once_, std::ssize(bank_) - begin);
    std::array<Tensor, 2> rows;
    for (Tensor& images : rows)
      images = Tensor::empty(device, {count, view.height, view.width, 3}, DType::f32);
    const std::span images =
        std::span(bank_).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    AMCL_CHECK(maker.make(/*epoch=*/0, images, rows).empty(), "evaluation: an image of ",
               train_.name, " that could be read at first cannot be read any more");
    for (size_t v = 0; v < rows.size(); ++v)
      parts[v].push_back(
          method_.features(&device == &backend_ ? rows[v] : upload_to(backend_, rows[v]), context));
  }
  return {concat(parts[0], 0), concat(parts[1], 0)};
}

void OnlineEvaluation::store(SafetensorsFile& file) {
  if (!probe_) return;
  const auto entry = [](const Tensor& tensor) {
    return SafetensorsEntry::from({tensor.count()}, tensor.to_host<float>());
  };
  file.tensors[kProbeValues] = entry(probe_->values());
  file.tensors[kProbeVelocity] = entry(probe_->velocity());
}

void OnlineEvaluation::load(const SafetensorsFile& file, const std::string& path) {
  if (!probe_ || !file.tensors.contains(kProbeValues)) return;
  const std::array<std::pair<const char*, Tensor*>, 2> targets = {
      {{kProbeValues, &probe_->values()}, {kProbeVelocity, &probe_->velocity()}}};
  for (const auto& [name, target] : targets) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end() || found->second.shape != std::vector<int64_t>{target->count()})
      fail(ErrorKind::data, path, " holds no ", name, " of ", target->count(),
           " values; the online probe cannot go on");
    const std::vector<float> values = found->second.values<float>();
    backend_.copy_from_host(target->raw(), values.data(), target->bytes());
  }
}

int64_t OnlineEvaluation::bytes() const {
  const int64_t rows = std::ssize(bank_) + queries_.count();
  const int64_t features = rows * method_.feature_dim() * static_cast<int64_t>(sizeof(float));
  // Similarities on the device (f32) and on the host (f64).
  const int64_t similarities =
      std::ssize(bank_) * queries_.count() * static_cast<int64_t>(sizeof(float) + sizeof(double));
  const Tensor& images = queries_.images;
  return features + similarities + (images.defined() ? static_cast<int64_t>(images.bytes()) : 0);
}

}  // namespace amcl
