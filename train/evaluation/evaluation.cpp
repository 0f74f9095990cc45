#include "train/evaluation/evaluation.h"
#include "train/assembly/open_data.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "data/sources/good_images.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/encoder/encoder.h"
#include "train/evaluation/embed.h"
#include "train/evaluation/image_features.h"
#include "train/evaluation/stored_model.h"

namespace amcl {
namespace {

constexpr const char* kKnn = "knn";
constexpr const char* kLinear = "linear";
constexpr const char* kClassifier = "classifier";
constexpr const char* kBackbone = "backbone";
constexpr const char* kPixels = "pixels";

bool asks_for(const EvaluationOptions& options, const char* protocol) {
  return std::find(options.protocol.begin(), options.protocol.end(), protocol) !=
         options.protocol.end();
}

void check_options(const EvaluationOptions& options) {
  for (const std::string& protocol : options.protocol)
    AMCL_CHECK(protocol == kKnn || protocol == kLinear || protocol == kClassifier, "protocol: '",
               protocol, "' is not known; choose from ", kKnn, ", ", kLinear, ", ", kClassifier);
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

// What the encoder says of itself; null: nothing.
const EncoderMetadata* metadata_of(const Evaluation& evaluation) {
  if (evaluation.checkpoint) return &evaluation.checkpoint->encoder;
  const bool says = evaluation.encoder && evaluation.encoder->metadata;
  return says ? &*evaluation.encoder->metadata : nullptr;
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
  if (const EncoderMetadata* encoder =
          metadata_of(evaluation)) {  // else measured, which takes time
    const ImageNormalization& seen = encoder->preprocessing.normalization;
    reading.mean = {seen.mean[0], seen.mean[1], seen.mean[2]};
    reading.deviation = {seen.deviation[0], seen.deviation[1], seen.deviation[2]};
  }
  if (options.mean) reading.mean = options.mean;
  if (options.deviation) reading.deviation = options.deviation;
  AMCL_CHECK(!config.data.data.empty(), "data: name a directory of images, or shapes10");
  return config;
}

// Of the encoder, or without one of the training images.
Preprocessing choose_preprocessing(const EvaluationOptions& options, const Evaluation& evaluation) {
  Preprocessing chosen = preprocessing_of(evaluation.train);
  if (evaluation.encoder && !evaluation.encoder->metadata &&
      evaluation.encoder->backbone.stem == "imagenet")
    chosen = with_size(chosen, kFileViewSize);
  if (evaluation.encoder && evaluation.encoder->metadata)
    chosen = evaluation.encoder->metadata->preprocessing;
  if (evaluation.checkpoint) {
    chosen = evaluation.checkpoint->encoder.preprocessing;
    const int64_t configured = evaluation.config.data.reading.size;
    if (chosen.view == ImageExtent{}) chosen.view = {configured, configured};
    AMCL_CHECK(options.size > 0 || chosen.view != ImageExtent{},
               "evaluate: ", evaluation.checkpoint->path,
               " does not say of which size its images were; give it with --size N");
  }
  chosen.normalization = evaluation.train.normalization;  // the encoder's, or what was given
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

// What makes features of images; nothing of pixels.
struct Model {
  Forward features = {};
  int64_t width = 0;
  Logits logits = {};                  // of a fine-tuned checkpoint
  std::shared_ptr<void> network = {};  // that both refer to
};

constexpr ForwardContext kEvaluating{.phase = Phase::eval, .update_running_statistics = false};

Model model_of_run(const EvaluationOptions& options, Backend& backend,
                   const Evaluation& evaluation) {
  std::shared_ptr<Method> method = build_stored(*evaluation.checkpoint, evaluation.config, backend);
  Model model{
      .features = [method](const Tensor& images) { return method->features(images, kEvaluating); },
      .width = method->feature_dim(),
      .network = method};
  if (options.random_init) return model;
  load_weights(*evaluation.checkpoint,
               [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  if (traits_of(evaluation.config.method).labelled)
    model.logits = [method](const Tensor& images) {
      return method->projections(images, kEvaluating);
    };
  return model;
}

Model model_of_file(const EvaluationOptions& options, Backend& backend, const EncoderFile& file) {
  if (options.random_init) {
    Initializer initializer(backend, /*seed=*/1);
    auto untrained = std::make_shared<ResNet>(initializer, file.backbone);
    return {
        .features =
            [untrained](const Tensor& images) { return untrained->forward(images, kEvaluating); },
        .width = untrained->feature_dim(),
        .network = untrained};
  }
  auto encoder = std::make_shared<Encoder>(file, backend, DType::f32);
  return {.features = [encoder](const Tensor& images) { return encoder->features(images); },
          .width = encoder->feature_dim(),
          .network = encoder};
}

Model open_model(const EvaluationOptions& options, Backend& backend, Evaluation& evaluation) {
  if (options.features != kBackbone) return {};
  if (options.random_init)
    evaluation.notes.emplace_back(
        "untrained network: batch norm runs with mean 0 and variance 1, as at its start");
  return evaluation.checkpoint ? model_of_run(options, backend, evaluation)
                               : model_of_file(options, backend, *evaluation.encoder);
}

Features compute_features(const Model& model, Backend& backend, const Evaluation& evaluation) {
  const auto features = [&](const Dataset& images) {
    return model.features
               ? image_features(model.features, model.width, backend, images, all_images(images))
               : pixel_features(backend, images);
  };
  return {features(evaluation.train), features(evaluation.test)};
}

void open_encoder(const EvaluationOptions& options, Evaluation& evaluation) {
  const auto warn = [&](const std::string& text) { evaluation.notes.push_back(text); };
  std::error_code unreadable;
  const bool is_file = std::filesystem::is_regular_file(options.run, unreadable);
  if (is_file && !is_checkpoint_of_run(options.run)) {
    evaluation.encoder = read_encoder_file(options.run, warn);
    return;
  }
  evaluation.checkpoint = read_best_checkpoint(options.run, warn);
  evaluation.config = config_of(*evaluation.checkpoint);
}

// Where it is asked for it must be possible.
void score(const EvaluationOptions& options, const Model& model, Backend& backend,
           Evaluation& evaluation) {
  const bool asked = asks_for(options, kClassifier);
  if (!model.logits) {
    if (asked)
      fail(ErrorKind::data, options.run.empty() ? "evaluate" : options.run,
           ": holds no trained classifier; amcl finetune trains one, with labelled images");
    return;
  }
  const EncoderMetadata& encoder = evaluation.checkpoint->encoder;
  const std::string difference =
      class_difference(encoder.classes, encoder.class_names, evaluation.test);
  if (difference.empty())
    evaluation.classifier = score_classifier(model.logits, backend, evaluation.test);
  else if (asked)
    fail(ErrorKind::data, "evaluate: other classes than the classifier's: ", difference);
  else
    evaluation.notes.push_back("not scored as a classifier: " + difference);
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
  if (!options.run.empty()) open_encoder(options, evaluation);
  const Model model = open_model(options, backend, evaluation);
  open_data(options, backend, evaluation);
  score(options, model, backend, evaluation);
  const Features features = compute_features(model, backend, evaluation);
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
