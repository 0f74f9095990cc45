#include "train/run/test_score.h"

#include <iomanip>
#include <sstream>

#include "data/sources/good_images.h"
#include "data/views/preprocessing.h"
#include "train/assembly/open_data.h"
#include "train/encoder/encoder.h"
#include "train/encoder/linear_classifier.h"

namespace amcl {
namespace {

// Without images: there is no such part.
Dataset open_test(const Config& config, Backend& backend) {
  try {
    Dataset test = open_data(backend, config, Split::test, 0);
    if (test.files && test.bad_images->skips()) keep_good_images(test);
    return test;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing) throw;
    return {};
  }
}

}  // namespace

TestScore score_on_test(const Config& config, Backend& backend, const std::string& run,
                        const std::function<void(const std::string&)>& warn) {
  if (config.data.split != Split::train)
    return {.text = concat_text("no test score: the run has learned from the ",
                                name_of(config.data.split), " images")};
  Dataset test = open_test(config, backend);
  if (test.count() == 0) return {.text = "no test score: the data have no test images"};
  const EncoderFile file = read_encoder_file(run, warn);
  const LinearClassifier classifier(file, backend);
  const std::string difference =
      class_difference(classifier.classes(), file.metadata->class_names, test);
  if (!difference.empty()) return {.text = "no test score: " + difference};
  preprocess_with(test, file.metadata->preprocessing);
  const Encoder encoder(file, backend, DType::f32);
  const ClassifierScores scores = score_classifier(
      [&](const Tensor& images) { return classifier.logits(encoder.features(images)); }, backend,
      test);
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << "test       " << scores.top1 << " % of "
       << scores.images << " test images, by " << file.path;
  return {.scores = scores, .text = text.str()};
}

}  // namespace amcl
