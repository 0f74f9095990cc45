#include "train/evaluation/evaluation.h"

#include <doctest/doctest.h>

#include "tests/train/evaluation_fixture.h"

namespace amcl {
namespace {

using test::kTestImages;
using test::kTrainImages;

class EvaluationTest : public test::EvaluationFixture {
 protected:
  std::vector<Neighbour> neighbours(const EvaluationOptions& options) {
    return evaluate(options, *backend_).knn->neighbours;
  }
  std::string message_of(const EvaluationOptions& options) {
    try {
      evaluate(options, *backend_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
};

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: model and data come from the checkpoint alone") {
  const Evaluation begun = evaluate(options(), *backend_);
  CHECK(begun.train.count() == kTrainImages);
  CHECK(begun.test.count() == kTestImages);
  CHECK(begun.feature_dim == 32);
  CHECK(begun.config.model.width == 4);
  CHECK_FALSE(begun.linear);

  // An untrained network is the one that the run began with.
  EvaluationOptions untrained = options();
  untrained.random_init = true;
  const Evaluation random = evaluate(untrained, *backend_);
  CHECK(random.knn->neighbours == begun.knn->neighbours);
  CHECK(random.notes.size() == 1);

  for (int step = 0; step < 3; ++step) trainer_.step();
  save(trainer_.checkpoint());
  CHECK(neighbours(untrained) == begun.knn->neighbours);
  CHECK(neighbours(options()) != begun.knn->neighbours);
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: the encoder sees images as in training") {
  const std::vector<Neighbour> before = neighbours(options());
  SafetensorsFile other = trainer_.checkpoint();
  other.metadata["normalization_mean"] = "0.9 0.1 0.4";
  save(other);
  CHECK(neighbours(options()) != before);
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: pixels need no run, and both protocols run") {
  EvaluationOptions pixels;
  pixels.data = directory_.path();
  pixels.features = "pixels";
  pixels.protocol = {"linear", "knn"};
  pixels.limit = 48;
  const Evaluation result = evaluate(pixels, *backend_);
  CHECK_FALSE(result.checkpoint);
  CHECK(result.feature_dim == 32 * 32 * 3);
  CHECK(result.train.count() == 48);
  CHECK(result.knn->k == 48);
  REQUIRE(result.notes.size() == 1);
  CHECK(result.notes.front() == "k is 48, all training images, instead of 200");
  CHECK(result.linear_top1 > 50.0);  // chance is 25
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: what cannot be is refused by name") {
  const auto contains = [&](const EvaluationOptions& options, const std::string& words) {
    const std::string message = message_of(options);
    INFO(message);
    CHECK(message.find(words) != std::string::npos);
  };
  EvaluationOptions wrong = options();
  wrong.protocol = {"svm"};
  contains(wrong, "protocol: 'svm' is not known; choose from knn, linear");
  wrong = options();
  wrong.features = "projector";
  contains(wrong, "features: 'projector' is not known");
  wrong = options();
  wrong.features = "pixels";
  wrong.random_init = true;
  contains(wrong, "pixels have no weights");
  wrong = options();
  wrong.run = directory_.file("none");
  contains(wrong, "no run directory or checkpoint: " + wrong.run);
  wrong = options();
  wrong.run.clear();
  contains(wrong, "name a run directory or a checkpoint");
  wrong = options();
  wrong.run.clear();
  wrong.features = "pixels";
  contains(wrong, "data: name a directory of images");
}

}  // namespace
}  // namespace amcl
