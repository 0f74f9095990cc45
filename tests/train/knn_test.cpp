#include "train/evaluation/knn.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/backend/open.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

class KnnTest {
 protected:
  Tensor rows(int64_t columns, const std::vector<float>& values) {
    return Tensor::from_host<float>(
        *backend_, {static_cast<int64_t>(values.size()) / columns, columns}, values);
  }
  Tensor random_rows(int64_t count, int64_t columns, uint64_t seed) {
    RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
    std::vector<float> values(static_cast<size_t>(count * columns));
    for (float& value : values) value = random.normal();
    return rows(columns, values);
  }

  std::unique_ptr<Backend> backend_ = open_backend("cpu");
};

TEST_CASE_FIXTURE(KnnTest, "knn: the k most similar vote with exp(similarity / temperature)") {
  // Similarities to the query (1, 0): 1, 0.8, 0.6, -1; lengths do not matter.
  const Tensor bank = rows(2, {5, 0, 0.8F, 0.6F, 3, 4, -1, 0});
  const std::vector<int32_t> labels = {0, 1, 1, 2};
  const Tensor query = rows(2, {0.1F, 0});

  const KnnResult sharp = knn_classify(bank, labels, query, 3, {.k = 3, .temperature = 0.1});
  CHECK(sharp.votes[0] == doctest::Approx(1.0));
  CHECK(sharp.votes[1] == doctest::Approx(std::exp(-2.0) + std::exp(-4.0)).epsilon(1e-5));
  CHECK(sharp.votes[2] == 0.0);
  CHECK(sharp.predictions == std::vector<int32_t>{0});
  CHECK(sharp.neighbours[1].index == 1);
  CHECK(sharp.neighbours[1].similarity == doctest::Approx(0.8));
  CHECK(sharp.neighbours[2].index == 2);

  // Two of three win once distance counts for little.
  CHECK(knn_classify(bank, labels, query, 3, {.k = 3, .temperature = 2}).predictions[0] == 1);
}

TEST_CASE_FIXTURE(KnnTest, "knn: ties go to the lower index and the lower class") {
  const Tensor bank = rows(2, {0, 1, 1, 0, 1, 0, 1, 0});
  const std::vector<int32_t> labels = {0, 3, 1, 2};
  const KnnResult result =
      knn_classify(bank, labels, rows(2, {1, 0}), 4, {.k = 2, .temperature = 0.1});
  CHECK(result.neighbours[0].index == 1);
  CHECK(result.neighbours[1].index == 2);
  CHECK(result.predictions == std::vector<int32_t>{1});
}

TEST_CASE_FIXTURE(KnnTest, "knn: k is at most the bank, and no temperature overflows") {
  const Tensor bank = rows(1, {1, -1});
  const std::vector<int32_t> labels = {1, 0};
  const KnnResult result =
      knn_classify(bank, labels, rows(1, {2, -2}), 2, {.k = 200, .temperature = 1e-6});
  CHECK(result.k == 2);
  CHECK(result.predictions == std::vector<int32_t>{1, 0});
  CHECK(result.votes == std::vector<double>{0, 1, 1, 0});
}

TEST_CASE_FIXTURE(KnnTest, "knn: many queries give what each gives alone") {
  constexpr int64_t kBank = 3000;
  constexpr int64_t kQueries = 1500;  // more than one block of similarities
  const Tensor bank = random_rows(kBank, 3, 1);
  const Tensor queries = random_rows(kQueries, 3, 2);
  std::vector<int32_t> labels;
  for (int32_t i = 0; i < kBank; ++i) labels.push_back(i % 7);
  const KnnOptions options{.k = 5, .temperature = 0.1};
  const KnnResult together = knn_classify(bank, labels, queries, 7, options);
  for (const int64_t query : {int64_t{0}, int64_t{1397}, int64_t{1398}, kQueries - 1}) {
    const KnnResult alone = knn_classify(bank, labels, queries.slice(query, query + 1), 7, options);
    CHECK(alone.predictions[0] == together.predictions[static_cast<size_t>(query)]);
    for (size_t i = 0; i < 5; ++i)
      CHECK(alone.neighbours[i].index ==
            together.neighbours[static_cast<size_t>(query) * 5 + i].index);
  }
}

TEST_CASE_FIXTURE(KnnTest, "knn: what cannot be is refused by name") {
  const Tensor bank = rows(1, {1, -1});
  const std::vector<int32_t> labels = {1, 0};
  const auto classify = [&](const KnnOptions& options, int64_t classes) {
    return knn_classify(bank, labels, bank, classes, options);
  };
  CHECK_THROWS_WITH_AS(classify({.k = 0}, 2), doctest::Contains("k: must be at least 1, got 0"),
                       Error);
  CHECK_THROWS_WITH_AS(classify({.temperature = -0.5}, 2),
                       doctest::Contains("knn_temperature: must be above 0, got -0.5"), Error);
  CHECK_THROWS_WITH_AS(classify({}, 1), doctest::Contains("label 1 of 1 classes"), Error);
  CHECK_THROWS_WITH_AS(knn_classify(bank, labels, rows(2, {1, 1}), 2, {}),
                       doctest::Contains("got [2, 1] and [1, 2]"), Error);
}

TEST_CASE("top-1 is in percent") {
  const std::vector<int32_t> labels = {0, 1, 2, 3};
  CHECK(top1_percent(std::vector<int32_t>{0, 1, 0, 3}, labels) == 75.0);
}

}  // namespace
}  // namespace amcl
