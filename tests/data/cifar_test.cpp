// Small files in the layouts of CIFAR-10 and CIFAR-100, whole and damaged.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "data/sources/open_dataset.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/philox.h"
#include "tests/data/data_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// A record whose planes hold 1, 2 and 3 (plus `shade`) but for the second pixel of the second row,
// which is 101, 102, 103.
std::string record(const std::string& labels, int shade = 0) {
  std::string bytes = labels;
  for (int channel = 0; channel < 3; ++channel) {
    std::string plane(1024, static_cast<char>(1 + channel + shade));
    plane[33] = static_cast<char>(101 + channel);
    bytes += plane;
  }
  return bytes;
}

std::string label(int value) {
  return {static_cast<char>(value)};
}

Outcome opening(const fs::path& directory, Split split = Split::train) {
  return opening_of(directory.string(), split);
}

TEST_CASE("cifar: records become images [32, 32, 3] with their labels, file after file") {
  TemporaryDirectory directory;
  const fs::path folder = directory.path() / "cifar-10-batches-bin";
  write(folder / "data_batch_4.bin", record(label(9), 50));
  write(folder / "data_batch_2.bin", record(label(7)) + record(label(0), 10));
  write(folder / "test_batch.bin", record(label(3)));
  write(folder / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");

  PlainBackend backend;
  for (const fs::path& source : {folder, directory.path()}) {
    const Dataset train = open_dataset(backend, source.string(), Split::train, 0, 1);
    CHECK(train.name == "CIFAR-10");
    CHECK(train.labels == std::vector<int32_t>{7, 0, 9});
    CHECK(train.class_names.size() == 10);
    CHECK(train.class_names.back() == "j");
    REQUIRE(train.images.shape() == Shape{3, 32, 32, 3});
    const auto pixels = train.images.to_host<uint8_t>();
    CHECK(pixels[0] == 1);
    CHECK(pixels[1] == 2);
    CHECK(pixels[2] == 3);
    CHECK(pixels[33 * 3] == 101);
    CHECK(pixels[33 * 3 + 2] == 103);
    CHECK(pixels[3072] == 11);
    CHECK(pixels[2 * 3072] == 51);
    CHECK(open_dataset(backend, source.string(), Split::test, 0, 1).labels ==
          std::vector<int32_t>{3});
  }
}

TEST_CASE("cifar: files that are not there are named, beside those that are") {
  TemporaryDirectory directory;
  PlainBackend backend;
  const auto opened = [&](Split split) {
    return open_dataset(backend, directory.path().string(), split, 0, 1);
  };
  for (const char* file : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_4.bin",
                           "data_batch_5.bin", "test_batch.bin"})
    write(directory.path() / file, record(label(1)));
  CHECK(opened(Split::train).layout == "binary version, 4 of 5 files");
  CHECK(opened(Split::train).warnings ==
        std::vector{directory.path().string() +
                    ": not there: data_batch_3.bin; there: data_batch_1.bin, data_batch_2.bin, "
                    "data_batch_4.bin, data_batch_5.bin"});
  CHECK(opened(Split::test).warnings.empty());
  write(directory.path() / "data_batch_3.bin", record(label(1)));
  CHECK(opened(Split::train).layout == "binary version");
  CHECK(opened(Split::train).warnings.empty());
}

TEST_CASE("cifar: a limit keeps the first images and reads no further") {
  TemporaryDirectory directory;
  write(directory.path() / "data_batch_1.bin", record(label(1)) + record(label(2)));
  write(directory.path() / "data_batch_2.bin", record(label(3)) + record(label(99)));
  PlainBackend backend;
  const auto labels = [&](int64_t limit) {
    return open_dataset(backend, directory.path().string(), Split::train, limit, 1).labels;
  };
  CHECK(labels(1) == std::vector<int32_t>{1});
  CHECK(labels(3) == std::vector<int32_t>{1, 2, 3});
  CHECK_THROWS_AS(labels(4), Error);
}

TEST_CASE("cifar: CIFAR-100 is read with its fine labels") {
  TemporaryDirectory directory;
  write(directory.path() / "train.bin",
        record(label(19) + label(99)) + record(label(0) + label(42)));
  PlainBackend backend;
  const Dataset dataset = open_dataset(backend, directory.path().string(), Split::train, 0, 1);
  CHECK(dataset.name == "CIFAR-100");
  CHECK(dataset.labels == std::vector<int32_t>{99, 42});
  CHECK(dataset.images.to_host<uint8_t>()[33 * 3] == 101);
  CHECK(dataset.class_names.empty());
}

TEST_CASE("cifar: the fingerprint tells sets apart") {
  TemporaryDirectory directory;
  PlainBackend backend;
  const auto fingerprint = [&](const std::string& content) {
    write(directory.path() / "data_batch_1.bin", content);
    return open_dataset(backend, directory.path().string(), Split::train, 0, 1).fingerprint();
  };
  const std::string first = fingerprint(record(label(1)) + record(label(2)));
  CHECK(first == fingerprint(record(label(1)) + record(label(2))));
  CHECK(first != fingerprint(record(label(1)) + record(label(3))));
  CHECK(first != fingerprint(record(label(1)) + record(label(2), 1)));
  CHECK(first != fingerprint(record(label(1))));
  CHECK(first.substr(0, 10) == "2x32x32x3x");
}

TEST_CASE("cifar: what is not there is named, with what was looked for") {
  TemporaryDirectory directory;
  const std::string path = directory.path().string();
  const Outcome absent = opening(directory.path() / "nowhere");
  CHECK(absent.kind == ErrorKind::missing);
  CHECK(absent.message ==
        path + "/nowhere: no such file or directory; give one that holds images, or shapes10");

  const Outcome empty = opening(directory.path());
  CHECK(empty.kind == ErrorKind::missing);
  CHECK(
      empty.message ==
      path +
          ": holds no image in itself or its folders; looked for JPEG, PNG, BMP and PNM files, and "
          "for the files of CIFAR, STL-10 and MNIST");

  write(directory.path() / "holiday.jpg", "not an image");
  const Outcome unknown = opening(directory.path());
  CHECK(unknown.kind == ErrorKind::data);
  CHECK(unknown.message.ends_with(": not one of its 1 images can be read; the first one: " +
                                  (directory.path() / "holiday.jpg").string() +
                                  ": is no image; JPEG, PNG, BMP and PNM (P5, P6) are read"));

  const Outcome file = opening(directory.path() / "holiday.jpg");
  CHECK(file.kind == ErrorKind::data);
  CHECK(file.message.starts_with(path + "/holiday.jpg: is not a list of images: 1 of its 1 lines"));
}

TEST_CASE("cifar: the archive for Python and a missing split are recognised") {
  TemporaryDirectory pickled;
  write(pickled.path() / "cifar-10-batches-py" / "data_batch_1", "pickle");
  const Outcome python = opening(pickled.path());
  CHECK(python.kind == ErrorKind::missing);
  CHECK(python.message == pickled.path().string() +
                              ": holds CIFAR for Python (pickled); the binary version is needed: "
                              "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz");

  TemporaryDirectory half;
  write(half.path() / "data_batch_1.bin", record(label(1)));
  const Outcome no_test = opening(half.path(), Split::test);
  CHECK(no_test.kind == ErrorKind::missing);
  CHECK(no_test.message ==
        half.path().string() + ": holds CIFAR-10 but no test images; put test_batch.bin there");
}

TEST_CASE("cifar: damaged files are refused by name, size or record") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "data_batch_1.bin";
  write(file, record(label(1)) + "x");
  const Outcome size = opening(directory.path());
  CHECK(size.kind == ErrorKind::data);
  CHECK(size.message == file.string() +
                            ": 3074 bytes are not a multiple of the CIFAR-10 record of 3073 bytes; "
                            "the file is cut short or of another format");

  write(file, "");
  const Outcome nothing = opening(directory.path());
  CHECK(nothing.kind == ErrorKind::data);
  CHECK(nothing.message == file.string() + ": is empty; fetch the file again");

  write(file, record(label(1)) + record(label(10)));
  const Outcome wrong_label = opening(directory.path());
  CHECK(wrong_label.kind == ErrorKind::data);
  CHECK(wrong_label.message == file.string() +
                                   ": record 1 has label 10, CIFAR-10 allows 0 to 9; the file is "
                                   "damaged or of another format");

  write(file, record(label(1)));
  write(directory.path() / "batches.meta.txt", "cat\ndog\n");
  const Outcome names = opening(directory.path());
  CHECK(names.kind == ErrorKind::data);
  CHECK(names.message ==
        (directory.path() / "batches.meta.txt").string() + ": 2 class names, CIFAR-10 has 10");

  fs::remove(file);
  fs::create_directory(file);
  const Outcome folder = opening(directory.path());
  CHECK(folder.kind == ErrorKind::data);
  CHECK(folder.message == file.string() + " is a directory, not a file");
}

TEST_CASE("cifar: cut or changed files give an error or a data set, never anything else") {
  TemporaryDirectory directory;
  PlainBackend backend;
  RandomStream random(11, RandomPurpose::synthetic, 0, 0, 0);
  int opened = 0;
  for (int trial = 0; trial < 150; ++trial) {
    const bool fine = trial % 2 == 0;
    std::string content;
    for (int i = 0; i < 3; ++i) content += record(fine ? label(i) : label(i) + label(i));
    for (uint32_t change = random.below(4); change > 0; --change)
      content[random.below(static_cast<uint32_t>(content.size()))] =
          static_cast<char>(random.below(256));
    if (random.below(3) == 0)
      content.resize(random.below(static_cast<uint32_t>(content.size())));
    else if (random.below(3) == 0)
      content.insert(random.below(static_cast<uint32_t>(content.size())), random.below(4000), 'x');
    write(directory.path() / (fine ? "data_batch_1.bin" : "train.bin"), content);
    try {
      const Dataset dataset = open_dataset(backend, directory.path().string(), Split::train, 0, 1);
      CHECK(dataset.count() == static_cast<int64_t>(dataset.labels.size()));
      ++opened;
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::data);
    }
    fs::remove(directory.path() / (fine ? "data_batch_1.bin" : "train.bin"));
  }
  CHECK(opened > 20);
  CHECK(opened < 130);
}

}  // namespace
}  // namespace amcl
