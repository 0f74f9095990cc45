// --val-fraction on sets of every kind.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "data/hash.h"
#include "data/sources/open_dataset.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"
#include "tests/data/packed_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr int kRecords = 60;
constexpr DatasetOptions kThird{.val_fraction = 0.3};

// CIFAR-10 whose image i has label i % 10 and pixels of value i; one test image of value 200.
void write_cifar(const fs::path& directory) {
  std::string records;
  for (int i = 0; i < kRecords; ++i)
    records += static_cast<char>(i % 10) + std::string(3072, static_cast<char>(i));
  write(directory / "data_batch_1.bin", records);
  write(directory / "test_batch.bin", std::string(1, '\1') + std::string(3072, '\xc8'));
}

std::vector<int> values_of(const Dataset& dataset) {
  const std::vector<uint8_t> pixels = dataset.images.to_host<uint8_t>();
  std::vector<int> values;
  for (size_t at = 0; at < pixels.size(); at += 3072) values.push_back(pixels[at]);
  return values;
}

TEST_CASE("held out: a share of the training images takes the place of the test images") {
  TemporaryDirectory directory;
  write_cifar(directory.path());
  const auto backend = open_backend("cpu");
  const auto open = [&](Split split, const DatasetOptions& options, int64_t limit = 0) {
    return open_dataset(*backend, directory.path().string(), split, limit, 1, options);
  };
  CHECK(values_of(open(Split::test, {})) == std::vector<int>{200});

  const Dataset train = open(Split::train, kThird);
  const Dataset test = open(Split::test, kThird);
  std::vector<int> expected_train;
  std::vector<int> expected_test;
  for (int i = 0; i < kRecords; ++i)
    (uniform_hash(std::to_string(i)) < 0.3 ? expected_test : expected_train).push_back(i);
  CHECK(expected_test.size() > 8);
  CHECK(values_of(train) == expected_train);
  CHECK(values_of(test) == expected_test);
  for (const Dataset* part : {&train, &test}) {
    const std::vector<int> values = values_of(*part);
    REQUIRE(part->labels.size() == values.size());
    for (size_t i = 0; i < values.size(); ++i) CHECK(part->labels[i] == values[i] % 10);
  }
  // The limit counts what is left to train on.
  CHECK(values_of(open(Split::train, kThird, 5)) ==
        std::vector<int>(expected_train.begin(), expected_train.begin() + 5));

  fs::remove(directory.path() / "test_batch.bin");
  CHECK(values_of(open(Split::test, kThird)) == expected_test);
}

TEST_CASE("held out: a packed set is divided as its source") {
  TemporaryDirectory directory;
  write_cifar(directory.path() / "set");
  const auto backend = open_backend("cpu");
  const std::string source = (directory.path() / "set").string();
  const std::string file = (directory.path() / "packed").string();
  pack(source, file);
  for (const Split split : {Split::train, Split::test}) {
    const Dataset loose = open_dataset(*backend, source, split, 0, 1, kThird);
    const Dataset packed = open_dataset(*backend, file, split, 0, 1, kThird);
    CHECK(packed.count() == loose.count());
    CHECK(packed.labels == loose.labels);
  }
}

TEST_CASE("held out: made images, and a share that leaves nothing") {
  const auto backend = open_backend("cpu");
  const Dataset train = open_dataset(*backend, "shapes10", Split::train, 0, 1, kThird);
  const Dataset test = open_dataset(*backend, "shapes10", Split::test, 0, 1, kThird);
  CHECK(train.count() + test.count() ==
        open_dataset(*backend, "shapes10", Split::train, 0, 1).count());

  TemporaryDirectory directory;
  write(directory.path() / "data_batch_1.bin", std::string(3073, '\1'));
  const Outcome none = opening_of(directory.path().string(), Split::test, {.val_fraction = 1e-6});
  CHECK(none.kind == ErrorKind::missing);
  CHECK(none.message ==
        "CIFAR-10: no test images are left by --val-fraction 1e-06; choose another share");
}

}  // namespace
}  // namespace amcl
