#include "train/commands/predict.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "data/views/preprocessing.h"
#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "engine/io/atomic_file.h"
#include "train/checkpoint/run_files.h"
#include "train/encoder/encoder.h"
#include "train/encoder/linear_classifier.h"
#include "train/evaluation/embed.h"
#include "train/printable.h"

namespace amcl {
namespace {

void note(const std::string& text) {
  std::fprintf(stderr, "note: %s\n", printable(text).c_str());
}

struct Prediction {
  std::string name;  // of the class
  double probability = 0.0;
};
using Predictions = std::vector<Prediction>;  // most probable first; none: the image cannot be read

// The `top` classes of one image, by the softmax of its logits.
Predictions most_probable(std::span<const double> logits, int64_t top,
                          const std::vector<std::string>& names) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const double logit : logits) sum += std::exp(logit - highest);
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + top, order.end(), [&](int64_t a, int64_t b) {
    const double left = logits[static_cast<size_t>(a)];
    const double right = logits[static_cast<size_t>(b)];
    return left > right || (left == right && a < b);
  });
  Predictions predictions;
  for (const int64_t label : std::span(order).first(static_cast<size_t>(top)))
    predictions.push_back(
        {class_name(names, label), std::exp(logits[static_cast<size_t>(label)] - highest) / sum});
  return predictions;
}

std::string probability_digits(double probability) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6f", probability);
  return text;
}

std::string tsv_head(int64_t top) {
  std::string line = "image";
  for (int64_t i = 1; i <= top; ++i)
    line += i == 1 ? "\tclass\tprobability" : concat_text("\tclass", i, "\tprobability", i);
  return line + '\n';
}

std::string tsv_line(const std::string& image, const Predictions& predictions, int64_t top) {
  std::string line = printable(image);
  for (const auto& [name, probability] : predictions)
    line += '\t' + printable(name) + '\t' + probability_digits(probability);
  if (predictions.empty())
    for (int64_t i = 0; i < top; ++i) line += "\t\tnan";
  return line + '\n';
}

std::string json_line(const std::string& image, const Predictions& predictions) {
  nlohmann::ordered_json record{{"image", image}, {"classes", nullptr}};
  if (!predictions.empty()) record["classes"] = nlohmann::ordered_json::array();
  for (const auto& [name, probability] : predictions)
    record["classes"].push_back({{"class", name}, {"probability", probability}});
  return json_text(record, -1) + '\n';
}

// Lines to stdout, or to a file that is there when all of them are.
class Lines {
 public:
  explicit Lines(const std::string& path) {
    if (!path.empty()) file_.emplace(path);
  }
  void write(const std::string& text) {
    if (file_)
      file_->write(std::as_bytes(std::span(text.data(), text.size())));
    else if (!(std::cout << text << std::flush))
      fail(ErrorKind::io, "cannot write to stdout");
  }
  void finish() {
    if (file_) file_->commit();
  }

 private:
  std::optional<AtomicFile> file_;
};

bool writes_json(const PredictOptions& options) {
  if (!options.format.empty()) return options.format == "json";
  return options.out.ends_with(".json") || options.out.ends_with(".jsonl");
}

Dataset open_images(const PredictOptions& options, const EncoderFile& file, Backend& backend) {
  const auto* split = std::find(std::begin(kSplitNames), std::end(kSplitNames), options.split);
  Dataset dataset = open_dataset(backend, options.data,
                                 static_cast<Split>(split - std::begin(kSplitNames)), options.limit,
                                 /*seed=*/1,
                                 {.layout = options.layout,
                                  .skip_bad_images = options.on_error == "skip",
                                  .error_limit = options.error_limit,
                                  .all_may_be_bad = true});
  preprocess_with(dataset, file.metadata->preprocessing);
  for (const std::string& warning : dataset.warnings) note(warning);
  return dataset;
}

void check(const PredictOptions& options) {
  AMCL_CHECK(!options.encoder.empty() && !options.data.empty(),
             "predict: name a run of amcl finetune and images, such as: amcl predict runs/classes "
             "--data photos");
  if (!options.out.empty() && file_exists(options.out) && !options.overwrite)
    fail(ErrorKind::usage, "--out ", options.out, " is there; --overwrite replaces it");
}

}  // namespace

int run_predict(const PredictOptions& options) {
  check(options);
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  const EncoderFile file = read_encoder_file(options.encoder, note);
  const LinearClassifier classifier(file, *backend);
  AMCL_CHECK(options.top <= classifier.classes(), "--top is ", options.top, ": ", file.path,
             " has ", classifier.classes(), " classes");
  const Encoder encoder(file, *backend, DType::f32);
  const Dataset dataset = open_images(options, file, *backend);
  const std::vector<std::string>& names = file.metadata->class_names;
  const bool json = writes_json(options);
  Lines lines(options.out);
  if (!json) lines.write(tsv_head(options.top));
  for (int64_t begin = 0; begin < dataset.count(); begin += embedded_at_once(dataset)) {
    const int64_t end = std::min(begin + embedded_at_once(dataset), dataset.count());
    const std::vector<int64_t> images = readable_images(dataset, begin, end);
    std::vector<double> logits;
    if (!images.empty())
      logits = classifier.logits(encoder.features(evaluation_batch(*backend, dataset, images)))
                   .to_host<double>();
    if (!std::all_of(logits.begin(), logits.end(), [](double x) { return std::isfinite(x); }))
      fail(ErrorKind::numeric, "the logits of ", dataset.name,
           " are not finite: the training of this model has failed");
    const auto classes = static_cast<size_t>(classifier.classes());
    std::string text;
    size_t row = 0;
    for (int64_t image = begin; image < end; ++image) {
      Predictions predictions;
      if (row < images.size() && images[row] == image)
        predictions =
            most_probable(std::span(logits).subspan(classes * row++, classes), options.top, names);
      const std::string name = dataset.image_name(image);
      text += json ? json_line(name, predictions) : tsv_line(name, predictions, options.top);
    }
    lines.write(text);
  }
  lines.finish();
  for (const std::string& image : dataset.bad_images->take_messages()) note(image);
  if (const int64_t skipped = dataset.bad_images->count(); skipped > 0)
    note(concat_text(skipped, " images cannot be read: their lines have no classes"));
  return 0;
}

}  // namespace amcl
