#include "data/views/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "engine/backend/open.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/noise_dataset.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 50;
constexpr int64_t kHeight = 6;
constexpr int64_t kWidth = 5;

Dataset noise_dataset(Backend& backend) {
  return test::noise_dataset(backend, {kImages, kHeight, kWidth, 3}, /*seed=*/4);
}

struct Content {
  std::vector<int64_t> samples;
  std::vector<float> images;

  bool operator==(const Content&) const = default;
};

Content content_of(const Batch& batch) {
  return {batch.samples, batch.images.to_host<float>()};
}

std::vector<Content> batches(Loader& loader, int64_t count) {
  std::vector<Content> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(content_of(loader.next()));
  return result;
}

TEST_CASE("loader: the number of workers changes nothing") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  Loader alone(*backend, dataset, {}, {.batch = 12, .workers = 0, .seed = 9});
  const std::vector<Content> expected = batches(alone, 10);
  for (const int64_t workers : {1, 2, 5}) {
    INFO(workers, " workers");
    Loader loader(*backend, dataset, {}, {.batch = 12, .workers = workers, .seed = 9});
    CHECK(batches(loader, 10) == expected);
  }
  Loader other_seed(*backend, dataset, {}, {.batch = 12, .workers = 0, .seed = 10});
  CHECK_FALSE(batches(other_seed, 1).front() == expected.front());
}

TEST_CASE("loader: one view of each sample is the first of two") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  Loader two(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 9});
  Loader one(*backend, dataset, {}, {.batch = 12, .views = 1, .workers = 2, .seed = 9});
  for (int step = 0; step < 6; ++step) {
    const Content both = content_of(two.next());
    const Content first = content_of(one.next());
    CHECK(first.samples == both.samples);
    CHECK(first.images ==
          std::vector(both.images.begin(), both.images.begin() + std::ssize(both.images) / 2));
  }
}

TEST_CASE("loader: row i holds view 1 of sample i, row N + i view 2") {
  const auto backend = open_backend("plain");
  const Dataset dataset = noise_dataset(*backend);
  const AugmentPolicy policy;
  Loader loader(*backend, dataset, policy, {.batch = 20, .workers = 1, .seed = 3});
  loader.start(7, 1);
  const Batch batch = loader.next();
  REQUIRE(batch.images.shape() == Shape{40, kHeight, kWidth, 3});
  for (const int64_t row : {0, 19, 20, 33}) {
    const int64_t sample = batch.samples[static_cast<size_t>(row % 20)];
    const ViewParameters view =
        policy.draw(3, 7, sample, static_cast<uint32_t>(row / 20), kHeight, kWidth);
    Tensor expected = Tensor::empty(*backend, {1, kHeight, kWidth, 3}, DType::f32);
    backend->augment(dataset.images, {&view, 1}, dataset.normalization, expected);
    CHECK(batch.images.slice(row, row + 1).to_host<float>() == expected.to_host<float>());
  }
}

TEST_CASE("loader: an epoch visits each sample at most once and drops the partial batch") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  Loader loader(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 1});
  REQUIRE(loader.steps_per_epoch() == 4);
  std::vector<std::vector<int64_t>> epochs;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> seen;
    for (int step = 0; step < 4; ++step) {
      const Batch batch = loader.next();
      seen.insert(seen.end(), batch.samples.begin(), batch.samples.end());
    }
    epochs.push_back(seen);
    std::sort(seen.begin(), seen.end());
    CHECK(seen.size() == 48);
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
    CHECK(seen.front() >= 0);
    CHECK(seen.back() < kImages);
  }
  CHECK(epochs[0] != epochs[1]);
}

TEST_CASE("loader: starting in the middle continues as an uninterrupted run") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  Loader whole(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 1});
  const std::vector<Content> expected = batches(whole, 9);
  Loader resumed(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 1});
  resumed.start(1, 2);
  CHECK(batches(resumed, 3) == std::vector(expected.begin() + 6, expected.end()));
  // And back again, while batches of the old place are under way.
  resumed.start(0, 0);
  CHECK(batches(resumed, 2) == std::vector(expected.begin(), expected.begin() + 2));
}

TEST_CASE("loader: a batch that is kept is not overwritten by later ones") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  Loader loader(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 1});
  const Batch kept = loader.next();
  const Content before = content_of(kept);
  batches(loader, 8);
  CHECK(content_of(kept) == before);
}

TEST_CASE("loader: memory is reused from batch to batch") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  const int64_t before = backend->allocator().use().reserved;
  Loader loader(*backend, dataset, {}, {.batch = 12, .workers = 2, .seed = 1});
  for (int i = 0; i < 40; ++i) loader.next();
  // Those ahead, the one that next() gives away, and a quarter for size classes.
  const int64_t batch_bytes = 24 * kHeight * kWidth * 3 * 4;
  CHECK(backend->allocator().use().reserved - before <= (kBatchesAhead + 1) * batch_bytes * 5 / 4);
}

// Fails on one image, as a damaged file would.
class FailingBackend final : public PlainBackend {
 public:
  void augment(const Tensor& images, std::span<const ViewParameters> views,
               const ImageNormalization& normalization, Tensor& y) override {
    for (const ViewParameters& view : views)
      if (view.image == 13) fail(ErrorKind::data, "image 13 is damaged");
    PlainBackend::augment(images, views, normalization, y);
  }
};

TEST_CASE("loader: an error of a worker reaches the caller, each time") {
  FailingBackend backend;
  const Dataset dataset = noise_dataset(backend);
  for (const int64_t workers : {0, 1, 3}) {
    INFO(workers, " workers");
    Loader loader(backend, dataset, {}, {.batch = 25, .workers = workers, .seed = 1});
    // 25 + 25 of 50 images: one of the two batches holds image 13.
    CHECK_THROWS_WITH_AS(
        [&] {
          loader.next();
          loader.next();
        }(),
        "image 13 is damaged", Error);
    if (workers > 0) CHECK_THROWS_WITH_AS(loader.next(), "image 13 is damaged", Error);
  }
}

// Takes 20 ms for each call and counts the views.
class SlowBackend final : public PlainBackend {
 public:
  void augment(const Tensor&, std::span<const ViewParameters> views, const ImageNormalization&,
               Tensor&) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    views_ += std::ssize(views);
  }
  int64_t views() const { return views_; }

 private:
  std::atomic<int64_t> views_ = 0;
};

TEST_CASE("loader: the wait is measured, and destruction does not finish what was planned") {
  SlowBackend backend;
  const Dataset dataset = noise_dataset(backend);
  {
    Loader loader(backend, dataset, {}, {.batch = 50, .workers = 1, .seed = 1});
    loader.next();
    CHECK(loader.take_wait_seconds() > 0.04);  // the batch took 7 calls
    CHECK(loader.take_wait_seconds() == 0.0);
  }
  // Two more batches of 100 views were planned or about to be.
  CHECK(backend.views() >= 100);
  CHECK(backend.views() < 300);
}

TEST_CASE("loader: impossible options are refused by name") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = noise_dataset(*backend);
  CHECK_THROWS_WITH_AS(Loader(*backend, dataset, {}, {.batch = 51}),
                       "batch: 51 is larger than noise with its 50 images; lower --batch", Error);
  CHECK_THROWS_WITH_AS(Loader(*backend, dataset, {}, {.batch = 1}),
                       "batch: needs at least 2 images, got 1", Error);
  CHECK_THROWS_WITH_AS(Loader(*backend, dataset, {}, {.batch = 2, .workers = -1}),
                       "workers: must be at least 0, got -1", Error);
  CHECK_THROWS_WITH_AS(Loader(*backend, dataset, {.flip = 2.0}, {.batch = 2}),
                       "flip: a probability is between 0 and 1, got 2", Error);
  Loader loader(*backend, dataset, {}, {.batch = 12});
  CHECK_THROWS_WITH_AS(loader.start(0, 4), "loader: step 4 of an epoch with 4", Error);
}

}  // namespace
}  // namespace amcl
