// A set larger than memory trains from disk: what a loader keeps does not grow with the set.
#include <doctest/doctest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "data/packed/packed_file.h"
#include "data/packed/packed_writer.h"
#include "data/sources/open_dataset.h"
#include "data/views/loader.h"
#include "engine/backend/open.h"
#include "tests/data/data_files.h"
#include "tests/data/encode.h"

namespace amcl {
namespace {

// As many files as one likes, which hold photographs of eight sizes in turn.
class ManyFiles final : public ImageFiles {
 public:
  explicit ManyFiles(int64_t count) : count_(count) {
    for (int i = 0; i < 8; ++i)
      images_.push_back(encode_jpeg(picture(40 + 3 * i, 70 - 2 * i), 40 + 3 * i, 70 - 2 * i));
  }

  int64_t count() const override { return count_; }
  std::string name(int64_t index) const override { return concat_text(index); }
  std::string place(int64_t index) const override { return name(index); }
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override {
    const std::string& image = images_[static_cast<size_t>(index % 8)];
    buffer.assign(image.begin(), image.end());
    return std::span<const uint8_t>(buffer);
  }

 private:
  int64_t count_;
  std::vector<std::string> images_;
};

// Bytes in use: of the heap, and of the backend with its free blocks.
int64_t bytes_in_use(Backend& backend) {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<int64_t>(heap.uordblks + heap.hblkhd) + backend.allocator().use().reserved;
}

constexpr int64_t kSmall = 160;  // images
constexpr int64_t kLarge = 1600;
constexpr int64_t kIndexBytes = 8;  // per image

// What one epoch adds to it.
int64_t growth_over_epoch(Backend& backend, const Dataset& dataset) {
  const int64_t before = bytes_in_use(backend);
  Loader loader(backend, dataset, {}, {.batch = 8, .workers = 0, .seed = 1});
  for (int64_t step = 0; step < loader.steps_per_epoch(); ++step) loader.next();
  return bytes_in_use(backend) - before;
}

int64_t growth_of_files(int64_t images) {
  const auto backend = open_backend("cpu");
  Dataset dataset;
  dataset.name = "many";
  dataset.files = std::make_shared<ManyFiles>(images);
  dataset.size = 16;
  return growth_over_epoch(*backend, dataset);
}

TEST_CASE("memory: a loader of files keeps no more of a larger set than its order") {
  growth_of_files(kSmall);  // what the libraries allocate once
  // One decoded image is 8 KB, its file 1.5 KB.
  CHECK(growth_of_files(kLarge) - growth_of_files(kSmall) <= 2 * kIndexBytes * (kLarge - kSmall));
}

constexpr int64_t kStl10Bytes = 3 * 96 * 96;  // of an image

// Opening it too.
int64_t growth_of_stl10(int64_t images) {
  const TemporaryDirectory directory;
  write(directory.path() / "unlabeled_X.bin", "");
  std::filesystem::resize_file(directory.path() / "unlabeled_X.bin",
                               static_cast<uintmax_t>(images * kStl10Bytes));
  const auto backend = open_backend("cpu");
  const int64_t before = bytes_in_use(*backend);
  const Dataset dataset =
      open_dataset(*backend, directory.path().string(), Split::unlabeled, 0, 1, {.size = 16});
  return bytes_in_use(*backend) - before + growth_over_epoch(*backend, dataset);
}

TEST_CASE("memory: of a larger STL-10 a loader keeps no more than which images there are") {
  growth_of_stl10(kSmall);
  const int64_t more = growth_of_stl10(kLarge) - growth_of_stl10(kSmall);
  // The largest part of an image that was decoded differs too.
  CHECK(more <= 3 * kIndexBytes * (kLarge - kSmall) + 4 * kStl10Bytes);
}

// Of this process, in memory now.
int64_t resident_bytes() {
  std::ifstream statistics("/proc/self/statm");  // in pages: total, resident
  int64_t total = 0;
  int64_t resident = 0;
  statistics >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_CASE("memory: of a packed file only the index stays in the memory of the process") {
  constexpr size_t kImages = 64;
  const std::string pixels(3 * 256 * 256, '\7');
  const std::string image = "P6 256 256 255 " + pixels;
  const TemporaryDirectory directory;
  const std::string path = (directory.path() / "packed").string();
  PackedWriter writer(path, 0);
  PackedSet set;
  set.header.size = 16;
  for (uint32_t i = 0; i < kImages; ++i) {
    writer.add(0, i, {256, 256}, {reinterpret_cast<const uint8_t*>(image.data()), image.size()});
    set.images.push_back({.name = concat_text(i)});
  }
  writer.finish(set);
  const PackedFile packed(path);
  std::vector<uint8_t> buffer;
  const int64_t before = resident_bytes();
  for (int64_t i = 0; i < 2 * packed.count(); ++i) packed.content(i * 37 % packed.count(), buffer);
  CHECK(resident_bytes() - before < 8 * std::ssize(image));
}

}  // namespace
}  // namespace amcl
