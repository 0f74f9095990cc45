#include "models/methods/classifier.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/backend/open.h"
#include "engine/nn/parameter_arena.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 4;
constexpr int64_t kClasses = 3;

ClassifierOptions options(bool freeze = false, double smoothing = 0.0) {
  ClassifierOptions options;
  options.backbone.width = 2;
  options.projector.dim = kClasses;
  options.freeze = freeze;
  options.label_smoothing = smoothing;
  options.batch = kImages;
  return options;
}

Tensor images(Backend& backend, int64_t count) {
  return test::random_images(backend, {count, 8, 8, 3}, 5);
}

const std::vector<int32_t> kLabels = {2, 0, 1, 1};

TEST_CASE("classifier: the loss is the cross-entropy with the labels, spread by label smoothing") {
  const auto backend = open_backend("plain");
  const std::vector<float> logits = {1.0F, -2.0F, 0.5F, 3.0F, 0.0F, 1.0F,
                                     0.0F, 0.0F,  0.0F, 2.0F, 2.5F, -1.0F};
  const Tensor z = Tensor::from_host<float>(*backend, {1, kImages, kClasses}, logits);
  for (const double smoothing : {0.0, 0.3}) {
    Classifier classifier(*backend, 1, options(false, smoothing));
    classifier.prepare_labels(kLabels);
    double expected = 0.0;
    for (size_t row = 0; row < kImages; ++row) {
      double sum = 0.0;
      for (size_t j = 0; j < kClasses; ++j)
        sum += std::exp(static_cast<double>(logits[row * kClasses + j]));
      for (size_t j = 0; j < kClasses; ++j) {
        const bool labelled = static_cast<size_t>(kLabels[row]) == j;
        const double target = (labelled ? 1.0 - smoothing : 0.0) + smoothing / kClasses;
        expected += target * (std::log(sum) - static_cast<double>(logits[row * kClasses + j]));
      }
    }
    const Loss loss = classifier.loss({z});
    CHECK(loss.total.item() == doctest::Approx(expected / kImages).epsilon(1e-6));
    CHECK(loss.per_head.count() == 1);
  }
  CHECK(Classifier(*backend, 1, options()).chance_level(kImages) == doctest::Approx(std::log(3.0)));
  CHECK_THROWS_AS(Classifier(*backend, 1, ClassifierOptions{}), Error);
}

// The parameters that training would reach, and the gradient of each by its norm.
std::map<std::string, double> gradients(Backend& backend, bool freeze) {
  Classifier classifier(backend, 1, options(freeze));
  classifier.prepare_labels(kLabels);
  ParameterArena arena(backend, [&](const ModuleVisitor& visitor) { classifier.visit(visitor); });
  const TapeScope scope;
  arena.begin_step();
  tape::backward(
      classifier.loss(classifier.project(images(backend, kImages), {.phase = Phase::train})).total);
  arena.finish_step();
  std::map<std::string, double> norms;
  for (const ParameterArena::Entry& entry : arena.entries()) {
    double squares = 0.0;
    for (const double x : entry.parameter->slot.gradient.to_host<double>()) squares += x * x;
    norms[entry.name] = squares;
  }
  return norms;
}

TEST_CASE(
    "classifier: frozen, the linear layer alone is trained, and nothing of the backbone moves") {
  const auto backend = open_backend("cpu");
  const auto all = gradients(*backend, /*freeze=*/false);
  CHECK(all.contains("backbone.layer4.1.bn2.weight"));
  for (const auto& entry : all) {
    CAPTURE(entry.first);
    CHECK(entry.second > 0.0);
  }
  const auto frozen = gradients(*backend, /*freeze=*/true);
  CHECK(frozen.size() == 2);
  CHECK(frozen.at("classifier.weight") > 0.0);
  CHECK(frozen.at("classifier.bias") > 0.0);

  Classifier classifier(*backend, 1, options(/*freeze=*/true));
  const auto features = [&] {
    return classifier.features(images(*backend, 2), {.phase = Phase::eval}).to_host<float>();
  };
  const std::vector<float> before = features();
  const TapeScope scope;
  classifier.project(images(*backend, kImages), {.phase = Phase::train});
  CHECK(features() == before);
}

}  // namespace
}  // namespace amcl
