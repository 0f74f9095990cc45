// A loader on a device with a memory of its own, here the emulated GPU: the views are those of the
// CPU, wherever the set lives.
#include <doctest/doctest.h>

#include <array>

#include "data/views/dataset_placement.h"
#include "data/views/evaluation_batches.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "tests/data/noise_dataset.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/cuda_emulation/emulated_backend.h"

namespace amcl {
namespace {

using emulation::EmulatedBackend;

constexpr int64_t kImages = 23;
constexpr int64_t kBatch = 5;  // 4 steps an epoch, three images left over
constexpr uint64_t kOrder = 5;
constexpr double kRounding = 1e-4;

Backend& host() {
  static const std::unique_ptr<Backend> cpu = open_backend("cpu");
  return *cpu;
}

Dataset noise(Device& device, int64_t height, int64_t width) {
  return test::noise_dataset(device, {kImages, height, width, 3}, /*seed=*/8);
}

AugmentPolicy whole_recipe() {
  AugmentPolicy policy;
  policy.blur = 0.5;
  policy.solarize = {0.2, 0.4};
  return policy;
}

LoaderOptions options(int64_t workers) {
  return {.batch = kBatch, .workers = workers, .seed = 11};
}

struct Expected {
  std::vector<int64_t> samples;
  Tensor images;
};

// Of the first `steps` steps.
std::vector<Expected> views_of_host(int64_t height, int64_t width, int64_t steps) {
  const Dataset dataset = noise(host(), height, width);
  Loader loader(host(), dataset, whole_recipe(), options(0));
  std::vector<Expected> all;
  for (int64_t step = 0; step < steps; ++step) {
    const Batch batch = loader.next();
    all.push_back({batch.samples, Tensor::from_host<float>(test::plain(), batch.images.shape(),
                                                           batch.images.to_host<float>())});
  }
  return all;
}

void check_next(Loader& loader, const Expected& expected, double tolerance) {
  const std::vector<int64_t> samples = loader.prepare();
  CHECK(samples == expected.samples);
  CHECK(test::difference(loader.views(), expected.images, tolerance) == "");
}

TEST_CASE("views on the device: 32 px, three epochs, as on the CPU") {
  constexpr int64_t kSteps = 9;
  const std::vector<Expected> expected = views_of_host(32, 32, kSteps);
  for (const int64_t workers : {0, 3}) {
    INFO(workers, " workers");
    EmulatedBackend device(kOrder);
    const Dataset dataset = noise(device, 32, 32);
    REQUIRE(describe_placement(dataset, device) == "in device memory");
    Loader loader(device, dataset, whole_recipe(), options(workers));
    // Everything after the first epoch's end is the same code; without workers it is slow enough.
    for (int64_t step = 0; step < (workers == 0 ? 5 : kSteps); ++step)
      check_next(loader, expected[static_cast<size_t>(step)], kRounding);
    CHECK(device.guarded().overruns() == 0);
  }
}

TEST_CASE("views on the device: a resumed run goes on, in any epoch and more than once") {
  const std::vector<Expected> expected = views_of_host(7, 9, 16);
  for (const int64_t workers : {0, 1, 3}) {
    INFO(workers, " workers");
    EmulatedBackend device(kOrder);
    const Dataset dataset = noise(device, 7, 9);
    Loader loader(device, dataset, whole_recipe(), options(workers));
    constexpr std::array<int64_t, 5> kStarts = {6, 0, 3, 8, 11};
    for (const int64_t start : kStarts) {
      loader.start(start / 4, start % 4);
      for (int64_t step = start; step < start + 5; ++step)
        check_next(loader, expected[static_cast<size_t>(step)], kRounding);
    }
  }
}

TEST_CASE("views on the device: the parameters of the next epoch go up beside its steps") {
  EmulatedBackend device(kOrder);
  const Dataset dataset = noise(device, 7, 9);
  const int64_t before = device.allocator().use().in_use;
  Loader loader(device, dataset, whole_recipe(), options(1));
  const int64_t held = device.allocator().use().in_use - before;
  const ViewSetup setup{device, dataset, whole_recipe(), options(1)};
  // The plan counts every image, the loader whole batches.
  CHECK(held <= bytes_ahead(setup));
  CHECK(held > bytes_ahead(setup) * 4 / 5);
}

TEST_CASE("views on the device: steps go round in a circle, as by the definition") {
  EmulatedBackend device(kOrder);
  const Dataset there = noise(device, 7, 9);
  const Dataset here = noise(test::plain(), 7, 9);
  constexpr int64_t kSteps = 3;
  std::vector<ViewParameters> views;
  for (int64_t i = 0; i < kSteps * kBatch; ++i)
    views.push_back(whole_recipe().draw(1, 0, i, 0, 7, 9));
  const Shape shape{kSteps, kBatch, static_cast<int64_t>(sizeof(ViewParameters))};
  const auto upload = [&](Device& to) {
    Tensor result = Tensor::empty(to, shape, DType::u8);
    to.copy_from_host(result.raw(), views.data(), result.bytes());
    return result;
  };
  const Tensor views_there = upload(device);
  const Tensor views_here = upload(test::plain());
  const std::vector<int32_t> second{1};
  Tensor step_there = Tensor::from_host<int32_t>(device, {1}, second);
  Tensor step_here = Tensor::from_host<int32_t>(test::plain(), {1}, second);
  for (const int32_t next : {2, 0, 1}) {
    Tensor got = Tensor::empty(device, {kBatch, 7, 9, 3}, DType::f32);
    Tensor want = Tensor::empty(test::plain(), {kBatch, 7, 9, 3}, DType::f32);
    device.augment_next(there.images, views_there, there.normalization, step_there, got);
    test::plain().augment_next(here.images, views_here, here.normalization, step_here, want);
    CHECK(test::difference(got, want, kRounding) == "");
    CHECK(step_there.to_host<int32_t>() == std::vector{next});
    CHECK(step_here.to_host<int32_t>() == std::vector{next});
  }
}

TEST_CASE("views on the device: a set elsewhere comes through the ring, to the bit") {
  const std::vector<Expected> expected = views_of_host(7, 9, 16);
  for (const int64_t workers : {0, 1, 3}) {
    INFO(workers, " workers");
    EmulatedBackend device(kOrder, emulation::Memory::exact, /*free_memory=*/10'000);
    const Dataset dataset = place_dataset(noise(host(), 7, 9), device, host());
    REQUIRE(describe_placement(dataset, device) == "in memory, views through pinned memory");
    Loader loader(device, dataset, whole_recipe(), options(workers));
    for (int64_t step = 0; step < 9; ++step)
      check_next(loader, expected[static_cast<size_t>(step)], 0.0);
    constexpr std::array<int64_t, 3> kStarts = {6, 1, 9};
    for (const int64_t start : kStarts) {
      loader.start(start / 4, start % 4);
      for (int64_t step = start; step < start + 6; ++step)
        check_next(loader, expected[static_cast<size_t>(step)], 0.0);
    }
    const ViewSetup setup{device, dataset, whole_recipe(), options(workers)};
    // And the views of the step.
    CHECK(2 * device.allocator().use().in_use == 3 * bytes_ahead(setup));
    CHECK(device.guarded().overruns() == 0);
  }
}

TEST_CASE(
    "views on the device: a set is placed there where it fits into a quarter of the free memory") {
  const Dataset opened = noise(host(), 7, 9);
  const auto wanted = static_cast<int64_t>(opened.images.bytes()) + epochs_bytes(kImages);
  EmulatedBackend large(kOrder, emulation::Memory::exact, 4 * wanted);
  const Dataset there = place_dataset(opened, large, host());
  CHECK(there.host == nullptr);
  CHECK(&there.images.device() == &large);
  CHECK(there.images.to_host<uint8_t>() == opened.images.to_host<uint8_t>());
  EmulatedBackend small(kOrder, emulation::Memory::exact, 4 * wanted - 4);
  const Dataset here = place_dataset(opened, small, host());
  CHECK(here.host == &host());
  CHECK(&here.images.device() == &host());
  CHECK(describe_placement(opened, host()) == "in memory");
  // Evaluation sees the same images.
  for (const Dataset* dataset : {&there, &here}) {
    EmulatedBackend& device = dataset == &there ? large : small;
    CHECK(evaluation_pixels(device, *dataset, 2, 9).to_host<uint8_t>() ==
          opened.images.slice(2, 9).to_host<uint8_t>());
  }
}

// The images of a set as files of PNM, all of which are of the size that it claims, or the last is not.
class PnmFiles final : public ImageFiles {
 public:
  explicit PnmFiles(const Dataset& dataset, bool last_is_smaller = false)
      : extent_(dataset.image_extent()), last_is_smaller_(last_is_smaller) {
    for (int64_t i = 0; i < dataset.count(); ++i)
      pixels_.push_back(dataset.images.slice(i, i + 1).to_host<uint8_t>());
  }

  int64_t count() const override { return std::ssize(pixels_); }
  std::string name(int64_t index) const override { return concat_text(index); }
  std::string place(int64_t index) const override { return concat_text("image ", index); }
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override {
    const bool smaller = last_is_smaller_ && index + 1 == count();
    const std::string header =
        concat_text("P6 ", extent_.width, ' ', extent_.height - (smaller ? 1 : 0), " 255\n");
    const std::vector<uint8_t>& pixels = pixels_[static_cast<size_t>(index)];
    buffer.assign(header.begin(), header.end());
    buffer.insert(buffer.end(), pixels.begin(), pixels.end());
    return std::span<const uint8_t>(buffer);
  }

 private:
  ImageExtent extent_;
  bool last_is_smaller_;
  std::vector<std::vector<uint8_t>> pixels_;
};

Dataset noise_in_files(bool last_is_smaller = false) {
  Dataset dataset = noise(host(), 7, 9);
  dataset.files = std::make_shared<PnmFiles>(dataset, last_is_smaller);
  dataset.file_extent = dataset.image_extent();
  dataset.images = {};
  return dataset;
}

TEST_CASE("views on the device: files of one size are placed as images in memory do") {
  const std::vector<Expected> expected = views_of_host(7, 9, 9);
  const Dataset opened = noise_in_files();
  const int64_t wanted = kImages * 7 * 9 * 3 + epochs_bytes(kImages);
  EmulatedBackend large(kOrder, emulation::Memory::exact, 4 * wanted);
  const Dataset there = place_dataset(opened, large, host());
  CHECK(describe_placement(there, large) == "in device memory");
  CHECK(there.images.to_host<uint8_t>() == noise(host(), 7, 9).images.to_host<uint8_t>());
  EmulatedBackend small(kOrder, emulation::Memory::exact, 4 * wanted - 4);
  const Dataset here = place_dataset(opened, small, host());
  CHECK(describe_placement(here, small) == "in files, views through pinned memory");
  // A run may go on with another device.
  CHECK(there.fingerprint() == opened.fingerprint());
  CHECK(here.fingerprint() == opened.fingerprint());
  for (const Dataset* dataset : {&there, &here}) {
    EmulatedBackend& device = dataset == &there ? large : small;
    Loader loader(device, *dataset, whole_recipe(), options(1));
    for (const Expected& step : expected)
      check_next(loader, step, dataset == &there ? kRounding : 0.0);
    CHECK(evaluation_pixels(device, *dataset, 2, 9).to_host<uint8_t>() ==
          noise(host(), 7, 9).images.slice(2, 9).to_host<uint8_t>());
  }
  CHECK_THROWS_WITH_AS(place_dataset(noise_in_files(/*last_is_smaller=*/true), large, host()),
                       "image 22: is 6 x 9 pixels in a set of 7 x 9", Error);
}

// Every third image is no image.
class WithBadFiles final : public ImageFiles {
 public:
  explicit WithBadFiles(std::shared_ptr<const ImageFiles> files) : files_(std::move(files)) {}

  int64_t count() const override { return files_->count(); }
  std::string name(int64_t index) const override { return files_->name(index); }
  std::string place(int64_t index) const override { return files_->place(index); }
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override {
    if (index % 3 == 0) return {};
    return files_->content(index, buffer);
  }

 private:
  std::shared_ptr<const ImageFiles> files_;
};

TEST_CASE("views on the device: the same images take the places of bad ones as on the CPU") {
  const auto opened = [] {
    Dataset dataset = noise_in_files();
    dataset.files = std::make_shared<WithBadFiles>(dataset.files);
    dataset.bad_images = std::make_shared<BadImages>(/*skip=*/true, /*limit=*/kImages);
    return dataset;
  };
  const Dataset on_host = opened();
  Loader expected(host(), on_host, whole_recipe(), options(2));
  EmulatedBackend device(kOrder, emulation::Memory::exact, /*free_memory=*/1 << 20);
  const Dataset there = place_dataset(opened(), device, host());
  REQUIRE(describe_placement(there, device) == "in device memory");
  CHECK(there.bad_images->count() == 8);
  Loader loader(device, there, whole_recipe(), options(1));
  for (int64_t step = 0; step < 9; ++step) {
    const Batch batch = expected.next();
    for (const int64_t sample : batch.samples) CHECK(sample % 3 != 0);
    check_next(loader,
               {batch.samples, Tensor::from_host<float>(test::plain(), batch.images.shape(),
                                                        batch.images.to_host<float>())},
               kRounding);
  }
}

TEST_CASE("views on the device: an error of a worker reaches the step") {
  EmulatedBackend device(kOrder, emulation::Memory::exact, /*free_memory=*/0);
  Dataset dataset = place_dataset(noise(host(), 7, 9), device, host());
  dataset.images = Tensor::empty(host(), {kImages, 7, 9, 3}, DType::f32);  // not what is read
  Loader loader(device, dataset, whole_recipe(), options(2));
  CHECK_THROWS_WITH_AS(loader.prepare(), "tensor: elements are f32, read as u8", Error);
  CHECK_THROWS_WITH_AS(loader.prepare(), "tensor: elements are f32, read as u8", Error);
  dataset.host = nullptr;
  dataset.images = {};
  dataset.files = std::make_shared<DirectoryFiles>(".", std::vector<std::string>(kImages, "a"));
  dataset.size = 8;
  CHECK_THROWS_WITH_AS(Loader(device, dataset, whole_recipe(), options(0)),
                       doctest::Contains("no host is named that makes its views"), Error);
}

}  // namespace
}  // namespace amcl
