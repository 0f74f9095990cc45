// A packed set is the set that was packed: the same images, labels, parts and views.
#include "data/sources/packed_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "data/packed/packed_file.h"
#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"
#include "tests/data/packed_files.h"
#include "tests/io/in_child.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

Dataset open(Backend& backend, const fs::path& source, Split split = Split::train,
             const DatasetOptions& options = {}, int64_t limit = 0) {
  return open_dataset(backend, source.string(), split, limit, 1, options);
}

std::vector<std::string> names_of(const Dataset& dataset) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < dataset.count(); ++i) names.push_back(dataset.files->name(i));
  return names;
}

// Two epochs of views, as training sees them.
std::vector<float> views_of(Backend& backend, const Dataset& dataset, int64_t workers = 2) {
  Loader loader(backend, dataset, {.blur = 0.5}, {.batch = 4, .workers = workers, .seed = 3});
  std::vector<float> values;
  for (int64_t i = 0; i < 2 * loader.steps_per_epoch(); ++i) {
    const std::vector<float> batch = loader.next().images.to_host<float>();
    values.insert(values.end(), batch.begin(), batch.end());
  }
  return values;
}

// Views, labels and what evaluation sees.
void check_same(Backend& backend, const Dataset& source, const Dataset& packed) {
  CHECK(packed.count() == source.count());
  CHECK(packed.labels == source.labels);
  CHECK(packed.class_names == source.class_names);
  CHECK(packed.name == source.name);
  CHECK(packed.view_extent() == source.view_extent());
  CHECK(packed.normalization.mean == source.normalization.mean);
  CHECK(packed.normalization.deviation == source.normalization.deviation);
  CHECK(views_of(backend, packed) == views_of(backend, source));
  CHECK(evaluation_batch(backend, packed, 0, packed.count()).to_host<float>() ==
        evaluation_batch(backend, source, 0, source.count()).to_host<float>());
}

TEST_CASE("packed: a folder of photographs gives the same views to the bit, whatever is asked") {
  TemporaryDirectory directory;
  write_photographs(directory.path() / "photos", false);
  const fs::path file = directory.path() / "set";
  const PackReport report = pack(directory.path() / "photos", file);
  CHECK(report.layout == "images without labels");
  REQUIRE(report.parts.size() == 1);
  CHECK(report.parts[0].images == 14);
  CHECK(report.bytes == static_cast<int64_t>(fs::file_size(file)));
  const auto backend = open_backend("cpu");
  CHECK(open(*backend, file).view_extent() == ImageExtent{224, 224});
  CHECK(open(*backend, file).layout == "packed, images without labels");
  for (const DatasetOptions& options :
       {DatasetOptions{.size = 16}, DatasetOptions{.size = 12, .reduce_decoding = true},
        DatasetOptions{.size = 16, .val_fraction = 0.4}}) {
    const Dataset source = open(*backend, directory.path() / "photos", Split::train, options);
    const Dataset packed = open(*backend, file, Split::train, options);
    CHECK(names_of(packed) == names_of(source));
    CHECK(packed.fingerprint() == source.fingerprint());
    check_same(*backend, source, packed);
  }
  const DatasetOptions fraction{.size = 16, .val_fraction = 0.4};
  CHECK(names_of(open(*backend, file, Split::test, fraction)) ==
        names_of(open(*backend, directory.path() / "photos", Split::test, fraction)));
  CHECK(names_of(open(*backend, file, Split::train, {}, 3)) ==
        std::vector<std::string>{"a.jpg", "b.jpg", "c.jpg"});
}

TEST_CASE("packed: parts, labels and names with any bytes") {
  TemporaryDirectory directory;
  const std::string image = "P6 1 1 255 abc";
  for (const char* name : {"train/a/1 2.ppm", "train/a/3\n4.ppm", "train/b\xff/5.ppm",
                           "val/a/6.ppm", "val/b\xff/7.ppm"})
    write(directory.path() / "set" / name, image);
  const fs::path file = directory.path() / "packed";
  const PackReport report = pack(directory.path() / "set", file);
  REQUIRE(report.parts.size() == 2);
  CHECK(report.parts[1].split == Split::test);
  CHECK(report.parts[1].images == 2);
  const auto backend = open_backend("cpu");
  for (const double fraction : {0.0, 0.2}) {
    for (const Split split : {Split::train, Split::test}) {
      const Dataset source =
          open(*backend, directory.path() / "set", split, {.val_fraction = fraction});
      const Dataset packed = open(*backend, file, split, {.val_fraction = fraction});
      CHECK(names_of(packed) == names_of(source));
      CHECK(packed.labels == source.labels);
      CHECK(packed.class_names == source.class_names);
    }
  }
  const Outcome none = opening_of(file.string(), Split::unlabeled);
  CHECK(none.kind == ErrorKind::missing);
  CHECK(none.message == file.string() + ": no unlabeled images: it was packed without");

  write(directory.path() / "set/val/c/8.ppm", image);
  CHECK_THROWS_WITH_AS(
      pack(directory.path() / "set", directory.path() / "other"),
      doctest::Contains("val/c: a class that the training images have not (2 classes)"), Error);
}

TEST_CASE("packed: a list, and what --layout does") {
  TemporaryDirectory directory;
  write(directory.path() / "c.ppm", "P6 1 1 255 abc");
  write(directory.path() / "list.txt", "c.ppm\t3\nc.ppm\t0\n");
  const fs::path file = directory.path() / "set.txt";
  pack(directory.path() / "list.txt", file);
  const auto backend = open_backend("cpu");
  CHECK(open(*backend, file).labels == std::vector<int32_t>{3, 0});
  CHECK(open(*backend, file, Split::train, {.layout = "packed"}).labels.size() == 2);
  CHECK(opening_of(file.string(), Split::train, {.layout = "classes"}).message ==
        file.string() +
            ": is not a directory; --layout classes needs the one that holds the files");
  const std::string list = (directory.path() / "list.txt").string();
  CHECK(opening_of(list, Split::train, {.layout = "packed"}).message ==
        list + ": is no packed set; make one with amcl data pack");
  CHECK(opening_of(directory.path().string(), Split::train, {.layout = "packed"}).message ==
        directory.path().string() + ": is a directory; --layout packed needs a file");
  CHECK(opening_of(file.string(), Split::test).message ==
        file.string() +
            ": no test images: hold some back with --val-fraction 0.1, in training too");
}

TEST_CASE("packed: sets in memory keep size, parts and views") {
  TemporaryDirectory directory;
  std::string batch;
  for (int i = 0; i < 12; ++i) {
    batch += static_cast<char>(i % 10);
    for (int j = 0; j < 3072; ++j) batch += static_cast<char>(i * 37 + j * (i + 3));
  }
  write(directory.path() / "cifar/data_batch_1.bin", batch);
  write(directory.path() / "cifar/test_batch.bin", batch.substr(0, 4 * 3073));
  const fs::path file = directory.path() / "set";
  pack(directory.path() / "cifar", file);
  const auto backend = open_backend("cpu");
  for (const DatasetOptions& options : {DatasetOptions{}, DatasetOptions{.size = 16}})
    for (const Split split : {Split::train, Split::test})
      check_same(*backend, open(*backend, directory.path() / "cifar", split, options),
                 open(*backend, file, split, options));
}

TEST_CASE("packed: with a size the shorter side is resized, smaller images stay") {
  TemporaryDirectory directory;
  std::string ramp = "P5 40 20 255 ";
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 40; ++x) ramp += static_cast<char>(6 * x);
  write(directory.path() / "set/ramp.pgm", ramp);
  write(directory.path() / "set/small.ppm", "P6 3 2 255 abcdefghijklmnopqr");
  const fs::path file = directory.path() / "packed";
  pack(directory.path() / "set", file, {.size = 10});
  const auto backend = open_backend("cpu");
  const Dataset packed = open(*backend, file);
  CHECK(packed.view_extent() == ImageExtent{10, 10});
  const std::vector<ImageCheck> images = check_images(*packed.files, 0, packed.count());
  CHECK(images[0].extent == ImageExtent{10, 20});
  CHECK(images[1].extent == ImageExtent{2, 3});
  std::vector<uint8_t> buffer;
  const std::span<const uint8_t> small = packed.files->content(1, buffer).bytes;
  CHECK(std::string(small.begin(), small.end()) == "P6 3 2 255\nabcdefghijklmnopqr");
  const std::span<const uint8_t> resized = packed.files->content(0, buffer).bytes;
  // Antialiased: weights 1, 3, 3, 1 of 8 over four columns, the middle ones being 1.5 apart.
  CHECK(int{resized[resized.size() - 3 * 20 + 3 * 5]} == 63);

  // A packed set is a source too.
  pack(file, directory.path() / "smaller", {.size = 5});
  const Dataset smaller = open(*backend, directory.path() / "smaller");
  CHECK(names_of(smaller) == names_of(packed));
  CHECK(smaller.layout == "packed, images without labels");
  CHECK(check_images(*smaller.files, 0, smaller.count())[0].extent == ImageExtent{5, 10});
}

TEST_CASE("packed: several processes and threads read one file") {
  TemporaryDirectory directory;
  write_photographs(directory.path() / "photos", false);
  const fs::path file = directory.path() / "set";
  pack(directory.path() / "photos", file);
  const PackedFile packed(file.string());
  const auto read_all = [&] {
    const PackedFile own(file.string());
    std::vector<uint8_t> buffer;
    for (int64_t image = 0; image < 14; ++image) {
      const std::span<const uint8_t> here = packed.content(image, buffer).bytes;
      if (!std::ranges::equal(own.content(image, buffer).bytes, here)) return false;
    }
    return true;
  };
  const pid_t child = test::start_child(read_all);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { good += read_all() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 4);
  CHECK(test::wait_for_success(child));
}

}  // namespace
}  // namespace amcl
