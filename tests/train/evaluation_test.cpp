#include "train/evaluation.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "engine/core/philox.h"
#include "tests/io/scratch_directory.h"
#include "tests/train/tiny_training.h"
#include "train/trainer.h"
#include "train/verification.h"

namespace amcl {
namespace {

constexpr int64_t kClasses = 4;
constexpr int64_t kTrainImages = 60;
constexpr int64_t kTestImages = 40;

// A file of CIFAR-10's form: noise whose brightness tells the class, more or less.
void write_cifar(const std::string& path, int64_t count, uint64_t seed) {
  constexpr int64_t kPixels = 3072;
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::string content;
  for (int64_t image = 0; image < count; ++image) {
    const auto label = static_cast<uint32_t>(image % kClasses);
    const uint32_t brightness = 40 * label + random.below(60);
    content += static_cast<char>(label);
    for (int64_t i = 0; i < kPixels; ++i)
      content += static_cast<char>(brightness + random.below(40));
  }
  test::write_text(path, content);
}

// A run that has just begun, on disk, and its data.
class EvaluationTest {
 protected:
  EvaluationTest() { save(trainer_.checkpoint()); }

  std::string make_data() const {
    write_cifar(directory_.file("data_batch_1.bin"), kTrainImages, 1);
    write_cifar(directory_.file("test_batch.bin"), kTestImages, 2);
    return directory_.path();
  }
  Config config() const {
    Config config = test::tiny_config();
    config.data.data = directory_.path();
    return config;
  }
  void save(const SafetensorsFile& checkpoint) { write_safetensors(path_, checkpoint, true); }
  EvaluationOptions options() const {
    EvaluationOptions options;
    options.run = path_;
    options.k = 5;
    return options;
  }
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

  test::ScratchDirectory directory_;
  std::string path_ = directory_.file("checkpoint.safetensors");
  std::unique_ptr<Backend> backend_ = open_backend("cpu");
  Dataset dataset_ = open_dataset(*backend_, make_data(), Split::train, 0, 1);
  Trainer trainer_{*backend_, dataset_, config()};
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

TEST_CASE_FIXTURE(EvaluationTest, "verification: an intact checkpoint reproduces its features") {
  const Verification found = verify_checkpoint(path_, *backend_, 0);
  CHECK(found.same_bits);
  CHECK(found.probe_images == 8);
  CHECK(found.model == "resnet18 of width 4, 2 heads");
}

TEST_CASE_FIXTURE(EvaluationTest, "verification: weights that compute something else are found") {
  SafetensorsFile changed = trainer_.checkpoint();
  SafetensorsEntry& bias = changed.tensors.at("backbone.layer4.1.bn2.bias");
  std::vector<float> values = bias.values<float>();
  for (float& value : values) value += 0.01F;
  bias = SafetensorsEntry::from(bias.shape, values);
  save(changed);  // with a CRC that fits
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("features of its 8 probe images differ"), Error);
}

TEST_CASE_FIXTURE(EvaluationTest, "verification: a lost optimiser or probe is named") {
  SafetensorsFile changed = trainer_.checkpoint();
  changed.tensors.erase("optimizer.velocity.backbone.conv1.weight");
  save(changed);
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("another optimiser: 1 missing"), Error);
  changed = trainer_.checkpoint();
  changed.tensors.erase("probe.features");
  save(changed);
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("holds no probe.features"), Error);
}

}  // namespace
}  // namespace amcl
