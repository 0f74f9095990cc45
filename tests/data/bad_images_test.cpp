// Images that cannot be read, where they are skipped.
#include "data/bad_images.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/loader.h"
#include "data/views/sampler.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"

namespace amcl {
namespace {

constexpr int64_t kBad = 40;
constexpr int64_t kGood = 12;
constexpr uint64_t kSeed = 3;

// Names sort the bad ones first, as those of ._x do.
void write_set(const std::filesystem::path& directory, int64_t bad, int64_t good) {
  for (int64_t i = 0; i < bad + good; ++i) {
    const std::string name = concat_text(i < bad ? "a" : "b", 1000 + i, ".ppm");
    write(directory / name,
          concat_text("P6 2 2 255 ", i < bad ? "" : std::string(12, static_cast<char>(i))));
  }
}

Dataset open(Backend& backend, const std::filesystem::path& directory) {
  return open_dataset(backend, directory.string(), Split::train, 0, 1,
                      {.size = 4, .skip_bad_images = true});
}

struct Made {
  std::vector<std::vector<int64_t>> samples;
  std::vector<float> images;

  bool operator==(const Made&) const = default;
};

Made make(Backend& backend, const Dataset& dataset, int64_t batch, int64_t workers, int64_t first,
          int64_t count) {
  Loader loader(backend, dataset, {}, {.batch = batch, .workers = workers, .seed = kSeed});
  loader.start(first / loader.steps_per_epoch(), first % loader.steps_per_epoch());
  Made made;
  for (int64_t i = 0; i < count; ++i) {
    const Batch next = loader.next();
    made.samples.push_back(next.samples);
    const std::vector<float> images = next.images.to_host<float>();
    made.images.insert(made.images.end(), images.begin(), images.end());
  }
  return made;
}

TEST_CASE("bad images: good ones take their places, never twice in one batch") {
  TemporaryDirectory directory;
  write_set(directory.path(), kBad, kGood);
  const auto backend = open_backend("cpu");
  const Dataset dataset = open(*backend, directory.path());
  constexpr int64_t kBatches = 12;
  const Made made = make(*backend, dataset, 8, 2, 0, kBatches);
  std::vector<int64_t> drawn(kBad + kGood, 0);
  for (const std::vector<int64_t>& samples : made.samples) {
    CHECK(std::set(samples.begin(), samples.end()).size() == samples.size());
    for (const int64_t sample : samples) ++drawn[static_cast<size_t>(sample)];
  }
  for (int64_t i = 0; i < kBad; ++i) CHECK(drawn[static_cast<size_t>(i)] == 0);
  // One does not stand for all: each is in two of three batches on average.
  for (int64_t i = kBad; i < kBad + kGood; ++i) {
    CHECK(drawn[static_cast<size_t>(i)] > kBatches / 4);
    CHECK(drawn[static_cast<size_t>(i)] <= kBatches);
  }
  CHECK(dataset.bad_images->count() == kBad);
}

TEST_CASE("bad images: workers, and where a run begins, change nothing") {
  TemporaryDirectory directory;
  write_set(directory.path(), kBad, kGood);
  const auto backend = open_backend("cpu");
  // Of each a set that knows no bad image yet.
  const auto made = [&](int64_t workers, int64_t first, int64_t count) {
    return make(*backend, open(*backend, directory.path()), 8, workers, first, count);
  };
  const Made expected = made(0, 0, 9);
  CHECK(made(1, 0, 9) == expected);
  CHECK(made(4, 0, 9) == expected);
  const Made end = made(3, 7, 2);
  CHECK(end.samples == std::vector(expected.samples.begin() + 7, expected.samples.end()));
  CHECK(std::equal(end.images.rbegin(), end.images.rend(), expected.images.rbegin()));
}

// The one that was too many may be met again, once its error is forgotten with the batch.
TEST_CASE("bad images: beyond the limit, every bad image is an error") {
  BadImages bad(/*skip=*/true, /*limit=*/1);
  const Error error(ErrorKind::io, "reason");
  bad.add(7, error);
  bad.add(7, error);
  for (const int64_t image : {8, 8, 7})
    CHECK_THROWS_WITH_AS(bad.add(image, error),
                         "2 images cannot be read, more than --error-limit 1 allows; the last one: "
                         "reason",
                         Error);
  CHECK(bad.take_messages() == std::vector<std::string>{"skipped (1 of at most 1): reason"});
}

TEST_CASE("bad images: with too few good ones a batch repeats them; with none it is an error") {
  TemporaryDirectory directory;
  write_set(directory.path(), 6, 3);
  const auto backend = open_backend("cpu");
  for (const std::vector<int64_t>& samples :
       make(*backend, open(*backend, directory.path()), 8, 2, 0, 2).samples) {
    CHECK(std::set(samples.begin(), samples.end()) == std::set<int64_t>{6, 7, 8});
    CHECK(samples.size() == 8);
  }
  const Dataset dataset = open(*backend, directory.path());
  for (int i = 6; i < 9; ++i)
    write(directory.path() / concat_text("b", 1000 + i, ".ppm"), "P6 2 2 255 ");
  CHECK_THROWS_WITH_AS(make(*backend, dataset, 8, 2, 0, 1),
                       doctest::Contains("not one of its 9 images can be read"), Error);
}

TEST_CASE("bad images: the replacement depends on seed and epoch, and on what is good") {
  const auto replaced = [](uint64_t seed, uint32_t epoch, std::vector<int64_t> batch,
                           int64_t first_good) {
    const std::vector<int64_t> bad{1, 3};
    CHECK(replace_bad_images(batch, bad, seed, epoch, 1000,
                             [&](int64_t, int64_t image) { return image >= first_good; }));
    return batch;
  };
  const std::vector<int64_t> batch{700, 1, 800, 2};
  const std::vector<int64_t> one = replaced(1, 0, batch, 10);
  CHECK(one == replaced(1, 0, batch, 10));
  CHECK(one[0] == 700);
  CHECK(one[2] == 800);
  CHECK(one[1] >= 10);
  CHECK(one[3] >= 10);
  CHECK(one[1] != one[3]);
  CHECK(one != replaced(2, 0, batch, 10));
  CHECK(one != replaced(1, 1, batch, 10));
  for (const int64_t image : replaced(1, 0, batch, 990)) CHECK((image >= 990 || image >= 700));
  std::vector<int64_t> none = batch;
  CHECK_FALSE(replace_bad_images(none, std::vector<int64_t>{1}, 1, 0, 1000,
                                 [](int64_t, int64_t) { return false; }));
  CHECK(none == batch);
}

TEST_CASE("bad images: evaluation leaves them out") {
  TemporaryDirectory directory;
  write_set(directory.path(), 3, 4);
  const auto backend = open_backend("cpu");
  Dataset dataset = open(*backend, directory.path());
  const std::vector<int64_t> asked{0, 6, 1, 5, 4};
  CHECK(good_images(dataset, asked, 2) == std::vector<int64_t>{6, 5});
  CHECK(dataset.bad_images->count() == 2);
  keep_good_images(dataset);
  CHECK(dataset.count() == 4);
  CHECK(dataset.bad_images->count() == 3);
  // Those that are left have the numbers that bad ones had, and are good.
  const std::vector<int64_t> all{0, 1, 2, 3};
  CHECK(good_images(dataset, all, 4) == all);
  CHECK(make(*backend, dataset, 4, 1, 0, 1).samples.front().size() == 4);
  CHECK(dataset.bad_images->take_messages().size() == 3);
}

TEST_CASE("bad images: mean and deviation are of the good images, each counted once") {
  TemporaryDirectory all;
  TemporaryDirectory good;
  write_set(all.path(), kBad, kGood);
  write_set(good.path(), 0, kBad + kGood);
  for (int64_t i = 0; i < kBad; ++i)
    std::filesystem::remove(good.path() / concat_text("b", 1000 + i, ".ppm"));
  const auto backend = open_backend("cpu");
  const ImageNormalization measured = open(*backend, all.path()).normalization;
  const ImageNormalization expected = open(*backend, good.path()).normalization;
  CHECK(measured.mean == expected.mean);
  CHECK(measured.deviation == expected.deviation);
}

}  // namespace
}  // namespace amcl
