#include "train/evaluation/online_evaluation.h"

#include <doctest/doctest.h>

#include "data/views/evaluation_batches.h"
#include "data/views/preprocessing.h"
#include "engine/backend/open.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"

namespace amcl {
namespace {

// 40 training images of two classes, one after the other: dark ones and bright ones.
struct Fixture {
  std::unique_ptr<Backend> backend = open_backend("cpu");
  Dataset train = images(40);
  Dataset test = images(20);
  std::unique_ptr<Method> method = build_method(test::tiny_config(), *backend);

  Dataset images(int64_t count) const {
    Dataset dataset = test::random_dataset(*backend, count, 8);
    std::vector<uint8_t> values = dataset.images.to_host<uint8_t>();
    for (size_t i = 0; i < values.size(); ++i) {
      const bool bright = i >= values.size() / 2;
      values[i] = static_cast<uint8_t>(values[i] / 4 + (bright ? 180 : 0));
    }
    backend->copy_from_host(dataset.images.raw(), values.data(), values.size());
    for (int64_t i = 0; i < count; ++i) dataset.labels.push_back(i < count / 2 ? 0 : 1);
    return dataset;
  }
  OnlineEvaluation evaluation() {
    return OnlineEvaluation(*backend, *method, train, test, AugmentPolicy{}, 1, 6);
  }
  // A training batch of four images of each class in two views.
  void learn(OnlineEvaluation& evaluation) {
    const std::vector<int64_t> samples = {0, 1, 2, 3, 36, 37, 38, 39};
    const auto features = [&](int64_t begin, int64_t end) {
      Tensor rows = Tensor::empty(*backend, Shape{end - begin, 32}, DType::f32);
      std::vector<float> values;
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = 0; j < 32; ++j)
          values.push_back(train.labels[static_cast<size_t>(samples[static_cast<size_t>(i % 8)])] ==
                                   static_cast<int32_t>(j % 2)
                               ? 1.0F
                               : 0.0F);
      backend->copy_from_host(rows.raw(), values.data(), rows.bytes());
      return rows;
    };
    evaluation.learn(features(0, 16), samples, 0.0);
  }
};

TEST_CASE("online evaluation: labels give accuracies on evenly spaced images") {
  Fixture fixture;
  OnlineEvaluation evaluation = fixture.evaluation();
  const OnlineScores scores = evaluation.evaluate();
  CHECK(scores.bank == 40);
  CHECK(scores.queries == 10);  // a quarter of the bank
  REQUIRE(scores.knn_top1.has_value());
  CHECK(*scores.knn_top1 == 100.0);    // dark from bright, by any features
  CHECK(*scores.linear_top1 == 50.0);  // a probe that has not learned says class 0; half are
  CHECK_FALSE(scores.alignment.has_value());
  CHECK(scores.effective_rank >= 1.0);
  CHECK(evaluation.bytes() >= 10 * 8 * 8 * 3);
}

TEST_CASE("online evaluation: the probe learns from the features of batches, and goes on") {
  Fixture fixture;
  OnlineEvaluation evaluation = fixture.evaluation();
  fixture.learn(evaluation);
  SafetensorsFile file;
  evaluation.store(file);
  const std::vector<float> learned = file.tensors.at("online_probe.values").values<float>();
  CHECK(learned[0] > 0.0F);  // class 0 by even features
  CHECK(learned[1] < 0.0F);

  OnlineEvaluation other = fixture.evaluation();
  other.load(file, "memory");
  fixture.learn(evaluation);
  fixture.learn(other);
  SafetensorsFile whole;
  SafetensorsFile resumed;
  evaluation.store(whole);
  other.store(resumed);
  CHECK(whole.tensors.at("online_probe.values").data ==
        resumed.tensors.at("online_probe.values").data);

  file.tensors.erase("online_probe.velocity");
  CHECK_THROWS_WITH_AS(other.load(file, "a.safetensors"),
                       doctest::Contains("a.safetensors holds no online_probe.velocity of"), Error);
  CHECK_NOTHROW(other.load(SafetensorsFile{}, "run without"));
}

TEST_CASE("online evaluation: without labels it says how views and images lie") {
  Fixture fixture;
  fixture.train.labels.clear();
  OnlineEvaluation evaluation = fixture.evaluation();
  const OnlineScores scores = evaluation.evaluate();
  CHECK_FALSE(scores.knn_top1.has_value());
  CHECK_FALSE(scores.linear_top1.has_value());
  REQUIRE(scores.alignment.has_value());
  CHECK(*scores.alignment > 0.0);
  CHECK(*scores.uniformity < 0.0);
  CHECK(evaluation.evaluate().alignment == scores.alignment);
  SafetensorsFile file;
  evaluation.store(file);
  CHECK(file.tensors.empty());
}

TEST_CASE("online evaluation: test images of another size are seen as the training images are") {
  Fixture fixture;
  fixture.train.interpolation = Interpolation::bicubic;
  const Dataset larger = test::random_dataset(*fixture.backend, 20, 13);
  fixture.test.images = larger.images;
  OnlineEvaluation of_larger = fixture.evaluation();
  Dataset resized = larger;
  preprocess_with(resized, preprocessing_of(fixture.train));
  fixture.test.images = evaluation_pixels(*fixture.backend, resized, 0, resized.count());
  OnlineEvaluation of_resized = fixture.evaluation();
  CHECK(of_larger.bytes() == of_resized.bytes());
  CHECK(of_larger.evaluate().knn_top1 == of_resized.evaluate().knn_top1);
}

}  // namespace
}  // namespace amcl
