// Small files in the layout of STL-10, whole and damaged.
#include "data/sources/stl10.h"

#include <doctest/doctest.h>

#include "data/sources/channel_statistics.h"
#include "data/sources/dataset_check.h"
#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "engine/backend/plain/plain_backend.h"
#include "tests/data/data_files.h"
#include "tests/data/noise_dataset.h"
#include "tests/data/packed_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// One image: all 7, but 11, 12, 13 (plus `shade`) in row 2 of column 5.
std::string image(int shade = 0) {
  std::string bytes;
  for (int channel = 0; channel < 3; ++channel) {
    std::string plane(96 * 96, '\7');
    plane[5 * 96 + 2] = static_cast<char>(11 + channel + shade);
    bytes += plane;
  }
  return bytes;
}

TEST_CASE("stl10: planes column by column become rows of pixels, labels count from 0") {
  TemporaryDirectory directory;
  const auto folder = directory.path() / "stl10_binary";
  write(folder / "train_X.bin", image() + image(50));
  write(folder / "train_y.bin", "\1\12");
  write(folder / "test_X.bin", image(1));
  write(folder / "unlabeled_X.bin", image(2) + image(3) + image(4));
  write(folder / "class_names.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  PlainBackend backend;
  const std::string path = directory.path().string();
  const Dataset train = open_dataset(backend, path, Split::train, 0, 1);
  CHECK(train.name == "STL-10");
  CHECK(train.layout == "binary version, train_X.bin");
  REQUIRE(train.view_extent() == ImageExtent{96, 96});
  const auto pixels = evaluation_pixels(backend, train, 0, 2).to_host<uint8_t>();
  CHECK(pixels[(2 * 96 + 5) * 3] == 11);
  CHECK(pixels[(2 * 96 + 5) * 3 + 2] == 13);
  CHECK(pixels[(5 * 96 + 2) * 3] == 7);
  CHECK(pixels[96 * 96 * 3 + (2 * 96 + 5) * 3 + 1] == 62);
  CHECK(train.labels == std::vector<int32_t>{0, 9});
  CHECK(train.class_names.size() == 10);
  CHECK(train.normalization.mean[0] == doctest::Approx(7.0 / 255.0).epsilon(0.001));

  CHECK_FALSE(open_dataset(backend, path, Split::test, 0, 1).labelled());
  const Dataset unlabeled = open_dataset(backend, path, Split::unlabeled, 2, 1);
  CHECK(unlabeled.count() == 2);
  CHECK_FALSE(unlabeled.labelled());
}

TEST_CASE(
    "stl10: a look at a set of gigabytes reads a sample; verifying and packing take each image") {
  TemporaryDirectory directory;
  write(directory.path() / "train_X.bin", image() + image(50) + image());
  write(directory.path() / "train_y.bin", "\1\12\1");
  write(directory.path() / "unlabeled_X.bin", "");
  fs::resize_file(directory.path() / "unlabeled_X.bin", uintmax_t{100'000} * 3 * 96 * 96);
  PlainBackend backend;
  const std::string path = directory.path().string();
  const DatasetSummary summary = describe_dataset(backend, path, {});
  REQUIRE(summary.parts.size() == 2);
  CHECK(summary.layout == "binary version, train_X.bin");
  CHECK(summary.parts[0].labels == std::map<int32_t, int64_t>{{0, 2}, {9, 1}});
  CHECK(summary.parts[0].normalization.mean ==
        open_dataset(backend, path, Split::train, 0, 1).normalization.mean);
  CHECK(summary.parts[1].images == 100'000);
  CHECK(summary.parts[1].extents.images == 100'000);
  CHECK(summary.parts[1].extents.most == ImageExtent{96, 96});
  CHECK(summary.parts[1].normalization.deviation[0] == doctest::Approx(1.0 / 255.0));
  CHECK(backend.allocator().use().peak < 1'000'000);

  fs::remove(directory.path() / "unlabeled_X.bin");
  const DatasetVerification verified =
      verify_dataset(backend, path, {}, [](Split, int64_t, int64_t) {});
  CHECK(verified.damaged() == 0);
  REQUIRE(verified.duplicates.size() == 1);
  CHECK(verified.duplicates[0].image == "2");
  const std::string packed = path + ".amcl";
  pack(path, packed);
  const Dataset from_packed = open_dataset(backend, packed, Split::train, 0, 1);
  CHECK(from_packed.image_extent() == ImageExtent{96, 96});
  const Dataset from_source = open_dataset(backend, path, Split::train, 0, 1);
  CHECK(evaluation_pixels(backend, from_packed, 0, 3).to_host<uint8_t>() ==
        evaluation_pixels(backend, from_source, 0, 3).to_host<uint8_t>());
  // A run on one goes on with the other.
  CHECK(from_source.fingerprint() == from_packed.fingerprint());
  fs::remove(packed);
}

// The images as a file of the layout.
void write_images(const fs::path& file, const Tensor& images) {
  const std::vector<uint8_t> pixels = images.to_host<uint8_t>();
  std::string planes;
  for (int64_t image = 0; image < images.dim(0); ++image)
    for (int64_t channel = 0; channel < 3; ++channel)
      for (int64_t x = 0; x < 96; ++x)
        for (int64_t y = 0; y < 96; ++y)
          planes += static_cast<char>(
              pixels[static_cast<size_t>(((image * 96 + y) * 96 + x) * 3 + channel)]);
  write(file, planes);
}

TEST_CASE("stl10: views of images in their file are those of the same images in memory") {
  TemporaryDirectory directory;
  const auto backend = open_backend("cpu");
  Dataset in_memory = test::noise_dataset(*backend, {9, 96, 96, 3}, /*seed=*/2);
  in_memory.normalization = measure_normalization(in_memory.images);
  write_images(directory.path() / "unlabeled_X.bin", in_memory.images);
  for (const int64_t size : {0, 40}) {
    const Dataset in_file =
        open_dataset(*backend, directory.path().string(), Split::unlabeled, 0, 1, {.size = size});
    CHECK_FALSE(in_file.in_memory());
    in_memory.size = size;
    CHECK(in_file.normalization.mean == in_memory.normalization.mean);
    CHECK(in_file.normalization.deviation == in_memory.normalization.deviation);
    for (const int64_t workers : {0, 2}) {
      const LoaderOptions options{.batch = 4, .workers = workers, .seed = 3};
      Loader expected(*backend, in_memory, {.blur = 0.5}, options);
      Loader loader(*backend, in_file, {.blur = 0.5}, options);
      for (int64_t step = 0; step < 2 * loader.steps_per_epoch(); ++step) {
        const Batch batch = expected.next();
        CHECK(loader.next().images.to_host<float>() == batch.images.to_host<float>());
      }
    }
    CHECK(evaluation_batch(*backend, in_file, 0, 9).to_host<float>() ==
          evaluation_batch(*backend, in_memory, 0, 9).to_host<float>());
  }
}

TEST_CASE("stl10: a file that is cut while it is in use is named with the image") {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "unlabeled_X.bin";
  const auto backend = open_backend("cpu");
  write(file, image() + image() + image());
  const Dataset dataset = open_dataset(*backend, directory.path().string(), Split::unlabeled, 0, 1);
  fs::resize_file(file, fs::file_size(file) - 5);
  CHECK_NOTHROW(evaluation_pixels(*backend, dataset, 0, 2));
  CHECK_THROWS_WITH_AS(evaluation_pixels(*backend, dataset, 2, 3),
                       doctest::Contains("unlabeled_X.bin ends 5 bytes early"), Error);
}

TEST_CASE("stl10: what is missing or damaged is named") {
  TemporaryDirectory directory;
  const std::string path = directory.path().string();
  const auto images = directory.path() / "train_X.bin";
  write(images, image());
  const Outcome missing = opening_of(path, Split::unlabeled);
  CHECK(missing.kind == ErrorKind::missing);
  CHECK(missing.message ==
        path + ": holds STL-10 but no unlabeled images; put unlabeled_X.bin there");

  const auto labels = directory.path() / "train_y.bin";
  write(labels, "\1\2");
  CHECK(opening_of(path).message ==
        labels.string() + ": 2 labels for 1 images; the two files are not of one set");
  for (const std::string& wrong : {std::string(1, '\0'), std::string(1, '\13')}) {
    write(labels, wrong);
    const Outcome outcome = opening_of(path);
    CHECK(outcome.kind == ErrorKind::data);
    CHECK(outcome.message ==
          labels.string() + ": label 0 is " + std::to_string(int{wrong[0]}) +
              ", STL-10 allows 1 to 10; the file is damaged or of another format");
  }
  write(images, image() + "x");
  const Outcome size = opening_of(path);
  CHECK(size.kind == ErrorKind::data);
  CHECK(size.message == images.string() +
                            ": 27649 bytes are not a multiple of the 27648 bytes of an STL-10 "
                            "image; the file is cut short or of another format");
  write(images, "");
  CHECK(opening_of(path).message == images.string() + ": is empty; fetch the file again");
}

}  // namespace
}  // namespace amcl
