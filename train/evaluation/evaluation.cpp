#include "train/evaluation/evaluation.h"

#include <algorithm>

#include "data/good_images.h"
#include "train/assembly/build_method.h"
#include "train/checkpoint/run_directory.h"
#include "train/config/dataset_config.h"
#include "train/evaluation/embed.h"

namespace amcl {
namespace {

constexpr const char* kKnn = "knn";
constexpr const char* kLinear = "linear";
constexpr const char* kBackbone = "backbone";
constexpr const char* kPixels = "pixels";

bool asks_for(const EvaluationOptions& options, const char* protocol) {
  return std::find(options.protocol.begin(), options.protocol.end(), protocol) !=
         options.protocol.end();
}

void check_options(const EvaluationOptions& options) {
  for (const std::string& protocol : options.protocol)
    AMCL_CHECK(protocol == kKnn || protocol == kLinear, "protocol: '", protocol,
               "' is not known; choose from ", kKnn, ", ", kLinear);
  AMCL_CHECK(!options.protocol.empty(), "protocol: name ", kKnn, ", ", kLinear, " or both");
  AMCL_CHECK(options.features == kBackbone || options.features == kPixels, "features: '",
             options.features, "' is not known; choose ", kBackbone, " or ", kPixels);
  AMCL_CHECK(options.k >= 1, "k: must be at least 1, got ", options.k);
  AMCL_CHECK(options.knn_temperature > 0.0, "knn_temperature: must be above 0, got ",
             options.knn_temperature);
  AMCL_CHECK(options.limit >= 0, "limit: must be at least 1, or 0 for all, got ", options.limit);
  const bool pixels = options.features == kPixels;
  AMCL_CHECK(!(pixels && options.random_init),
             "random_init: pixels have no weights; leave out --random-init or --features pixels");
  AMCL_CHECK(pixels || !options.run.empty(), "evaluate: name a run directory or a checkpoint, or ",
             "use --features pixels");
}

Dataset open_labelled(Backend& backend, const DataConfig& data, Split split, int64_t limit,
                      uint64_t seed) {
  Dataset dataset = open_dataset(backend, data.data, split, limit, seed, dataset_options(data));
  if (!dataset.labelled())
    fail(ErrorKind::data, "evaluate: the ", name_of(split), " images of ", data.data,
         " have no labels to compare with");
  // A neighbour in the place of a bad image would be compared with the wrong label.
  if (dataset.files && dataset.bad_images->skips()) keep_good_images(dataset);
  return dataset;
}

void open_data(const EvaluationOptions& options, Backend& backend, Evaluation& evaluation) {
  DataConfig data = evaluation.config.data;
  if (!options.data.empty()) {
    data.data = options.data;
    data.layout = options.layout;
  }
  data.val_fraction = options.val_fraction.value_or(data.val_fraction);
  AMCL_CHECK(!data.data.empty(), "data: name a directory of images, or shapes10");
  const uint64_t seed = evaluation.config.train.seed;
  evaluation.train = open_labelled(backend, data, Split::train, options.limit, seed);
  evaluation.test = open_labelled(backend, data, Split::test, 0, seed);
  if (data.val_fraction > 0.0)
    evaluation.notes.push_back(concat_text(
        "tested on the share of ", data.val_fraction,
        " of the training images that --val-fraction holds back, not on separate test images"));
  // One measure for both, where it is measured: that of the training images.
  evaluation.test.normalization = evaluation.train.normalization;
  for (const Dataset* part : {&evaluation.train, &evaluation.test})
    if (part->bad_images)
      for (std::string& image : part->bad_images->take_messages())
        evaluation.notes.push_back(std::move(image));
}

struct Features {
  Tensor train;  // [n, D]
  Tensor test;   // [m, D]
};

Features compute_features(const EvaluationOptions& options, Backend& backend,
                          Evaluation& evaluation) {
  if (options.features == kPixels)
    return {pixel_features(backend, evaluation.train), pixel_features(backend, evaluation.test)};
  const std::unique_ptr<Method> method = build_method(evaluation.config, backend);
  if (options.random_init)
    evaluation.notes.emplace_back(
        "untrained network: batch norm runs with mean 0 and variance 1, as at its start");
  else
    load_weights(*evaluation.checkpoint,
                 [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  // The encoder sees images as it did in training, whatever set they come from.
  evaluation.train.normalization = evaluation.checkpoint->state.normalization;
  evaluation.test.normalization = evaluation.checkpoint->state.normalization;
  return {backbone_features(*method, backend, evaluation.train),
          backbone_features(*method, backend, evaluation.test)};
}

int64_t count_classes(const Evaluation& evaluation) {
  const auto highest = [](const std::vector<int32_t>& labels) {
    return static_cast<int64_t>(*std::max_element(labels.begin(), labels.end()));
  };
  return 1 + std::max(highest(evaluation.train.labels), highest(evaluation.test.labels));
}

}  // namespace

Evaluation evaluate(const EvaluationOptions& options, Backend& backend) {
  check_options(options);
  Evaluation evaluation;
  if (!options.run.empty()) {
    evaluation.checkpoint = read_checkpoint(find_checkpoint(options.run));
    evaluation.config =
        config_from_toml(evaluation.checkpoint->state.config, evaluation.checkpoint->path);
  }
  open_data(options, backend, evaluation);
  const Features features = compute_features(options, backend, evaluation);
  evaluation.feature_dim = features.train.dim(1);
  const int64_t classes = count_classes(evaluation);
  if (asks_for(options, kKnn)) {
    evaluation.knn = knn_classify(features.train, evaluation.train.labels, features.test, classes,
                                  {.k = options.k, .temperature = options.knn_temperature});
    evaluation.knn_top1 = top1_percent(evaluation.knn->predictions, evaluation.test.labels);
    if (evaluation.knn->k < options.k)
      evaluation.notes.push_back(
          concat_text("k is ", evaluation.knn->k, ", all training images, instead of ", options.k));
  }
  if (asks_for(options, kLinear)) {
    evaluation.linear = linear_probe(features.train, evaluation.train.labels, features.test,
                                     classes, {.seed = evaluation.config.train.seed});
    evaluation.linear_top1 = top1_percent(evaluation.linear->predictions, evaluation.test.labels);
  }
  return evaluation;
}

}  // namespace amcl
