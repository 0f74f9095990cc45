#include "train/evaluation/evaluation.h"
#include "train/assembly/open_data.h"

#include <algorithm>

#include "data/sources/good_images.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/evaluation/embed.h"
#include "train/evaluation/stored_model.h"

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
  AMCL_CHECK(options.size >= 0, "size: must be at least 1, or 0 for the run's, got ", options.size);
  AMCL_CHECK(options.limit >= 0, "limit: must be at least 1, or 0 for all, got ", options.limit);
  const bool pixels = options.features == kPixels;
  AMCL_CHECK(!(pixels && options.random_init),
             "random_init: pixels have no weights; leave out --random-init or --features pixels");
  AMCL_CHECK(pixels || !options.run.empty(), "evaluate: name a run directory or a checkpoint, or ",
             "use --features pixels");
}

Dataset open_labelled(const EvaluationOptions& options, Backend& backend, const Config& config,
                      Split split) {
  const int64_t limit = split == Split::train ? options.limit : 0;
  Dataset dataset = open_data(backend, config, split, limit);
  if (!dataset.labelled())
    fail(ErrorKind::data, "evaluate: the ", name_of(split), " images of ", config.data.data,
         " have no labels to compare with");
  // An image in the place of a bad one would be compared with the wrong label.
  if (dataset.files && dataset.bad_images->skips()) keep_good_images(dataset);
  return dataset;
}

// The run's configuration with the data that are asked for.
Config config_of_data(const EvaluationOptions& options, const Evaluation& evaluation) {
  Config config = evaluation.config;
  if (!options.data.empty()) {
    config.data.data = options.data;
    config.data.reading.layout = options.layout;
  }
  DatasetOptions& reading = config.data.reading;
  reading.val_fraction = options.val_fraction.value_or(reading.val_fraction);
  if (evaluation.checkpoint) {  // else measured, which takes time
    const ImageNormalization& seen = evaluation.checkpoint->encoder.preprocessing.normalization;
    reading.mean = {seen.mean[0], seen.mean[1], seen.mean[2]};
    reading.deviation = {seen.deviation[0], seen.deviation[1], seen.deviation[2]};
  }
  AMCL_CHECK(!config.data.data.empty(), "data: name a directory of images, or shapes10");
  return config;
}

// Of the encoder, or without one of the training images.
Preprocessing choose_preprocessing(const EvaluationOptions& options, const Evaluation& evaluation) {
  Preprocessing chosen = preprocessing_of(evaluation.train);
  if (evaluation.checkpoint) {
    chosen = evaluation.checkpoint->encoder.preprocessing;
    const int64_t configured = evaluation.config.data.reading.size;
    if (chosen.view == ImageExtent{}) chosen.view = {configured, configured};
    AMCL_CHECK(options.size > 0 || chosen.view != ImageExtent{},
               "evaluate: ", evaluation.checkpoint->path,
               " does not say of which size its images were; give it with --size N");
  }
  return options.size > 0 ? with_size(chosen, options.size) : chosen;
}

void open_data(const EvaluationOptions& options, Backend& backend, Evaluation& evaluation) {
  const Config config = config_of_data(options, evaluation);
  evaluation.train = open_labelled(options, backend, config, Split::train);
  evaluation.test = open_labelled(options, backend, config, Split::test);
  if (config.data.reading.val_fraction > 0.0)
    evaluation.notes.push_back(concat_text(
        "tested on the share of ", config.data.reading.val_fraction,
        " of the training images that --val-fraction holds back, not on separate test images"));
  const Preprocessing preprocessing = choose_preprocessing(options, evaluation);
  for (Dataset* part : {&evaluation.train, &evaluation.test}) {
    preprocess_with(*part, preprocessing);
    for (const std::vector<std::string>& lines :
         {part->warnings, part->bad_images->take_messages()})
      for (const std::string& line : lines)  // both parts may lie in the same files
        if (std::find(evaluation.notes.begin(), evaluation.notes.end(), line) ==
            evaluation.notes.end())
          evaluation.notes.push_back(line);
    evaluation.skipped_images += part->bad_images->count();
  }
  evaluation.preprocessing = preprocessing_of(evaluation.train);
}

struct Features {
  Tensor train;  // [n, D]
  Tensor test;   // [m, D]
};

std::unique_ptr<Method> open_model(const EvaluationOptions& options, Backend& backend,
                                   Evaluation& evaluation) {
  std::unique_ptr<Method> method = build_stored(*evaluation.checkpoint, evaluation.config, backend);
  if (options.random_init)
    evaluation.notes.emplace_back(
        "untrained network: batch norm runs with mean 0 and variance 1, as at its start");
  else
    load_weights(*evaluation.checkpoint,
                 [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  return method;
}

// `method` is null for pixels.
Features compute_features(Method* method, Backend& backend, const Evaluation& evaluation) {
  const auto features = [&](const Dataset& images) {
    return method == nullptr ? pixel_features(backend, images)
                             : backbone_features(*method, backend, images);
  };
  return {features(evaluation.train), features(evaluation.test)};
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
    evaluation.checkpoint = read_intact_checkpoint(
        options.run, [&](const std::string& note) { evaluation.notes.push_back(note); });
    evaluation.config = config_of(*evaluation.checkpoint);
  }
  std::unique_ptr<Method> method;
  if (options.features == kBackbone) method = open_model(options, backend, evaluation);
  open_data(options, backend, evaluation);
  const Features features = compute_features(method.get(), backend, evaluation);
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
