#include "data/stl10.h"

#include <algorithm>

#include "data/channel_statistics.h"
#include "data/layout_files.h"
#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kExtent = 96;
constexpr int64_t kPixels = kExtent * kExtent;
constexpr int64_t kImageBytes = 3 * kPixels;
constexpr int32_t kClasses = 10;
constexpr const char* kFolder = "stl10_binary";  // of the official archive

struct SplitFiles {
  const char* images;
  const char* labels;  // null: none
};

SplitFiles files_of(Split split) {
  switch (split) {
    case Split::train:
      return {"train_X.bin", "train_y.bin"};
    case Split::test:
      return {"test_X.bin", "test_y.bin"};
    case Split::unlabeled:
      break;
  }
  return {"unlabeled_X.bin", nullptr};
}

// Planes [3, column, row] to pixels [row, column, 3].
void transpose(const uint8_t* planes, uint8_t* pixels) {
  for (int64_t y = 0; y < kExtent; ++y)
    for (int64_t x = 0; x < kExtent; ++x)
      for (int64_t channel = 0; channel < 3; ++channel)
        *pixels++ = planes[channel * kPixels + x * kExtent + y];
}

int64_t count_images(const File& file) {
  const int64_t size = file.size();
  if (size == 0) fail(ErrorKind::data, file.path(), ": is empty; fetch the file again");
  if (size % kImageBytes != 0)
    fail(ErrorKind::data, file.path(), ": ", size, " bytes are not a multiple of the ", kImageBytes,
         " bytes of an STL-10 image; the file is cut short or of another format");
  return size / kImageBytes;
}

// Image by image, so that a set of gigabytes is in memory only once.
Tensor read_images(Device& device, File& file, int64_t count) {
  Tensor images = Tensor::empty(device, {count, kExtent, kExtent, 3}, DType::u8);
  std::vector<uint8_t> planes(static_cast<size_t>(kImageBytes));
  std::vector<uint8_t> pixels(planes.size());
  for (int64_t index = 0; index < count; ++index) {
    file.read(std::as_writable_bytes(std::span(planes)));
    transpose(planes.data(), pixels.data());
    device.copy_from_host(images.slice(index, index + 1).raw(), pixels.data(), pixels.size());
  }
  return images;
}

std::vector<int32_t> read_labels(const std::string& path, int64_t images, int64_t count) {
  File file = File::open_for_reading(path);
  if (file.size() != images)
    fail(ErrorKind::data, path, ": ", file.size(), " labels for ", images,
         " images; the two files are not of one set");
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  file.read(std::as_writable_bytes(std::span(bytes)));
  std::vector<int32_t> labels;
  for (const uint8_t byte : bytes) {
    if (byte < 1 || byte > kClasses)
      fail(ErrorKind::data, path, ": label ", labels.size(), " is ", int{byte},
           ", STL-10 allows 1 to ", kClasses, "; the file is damaged or of another format");
    labels.push_back(byte - 1);
  }
  return labels;
}

Dataset open_here(Device& device, const fs::path& directory, Split split, int64_t limit) {
  const SplitFiles files = files_of(split);
  if (!holds_any(directory, {files.images}))
    fail(ErrorKind::missing, directory.string(), ": holds STL-10 but no ", name_of(split),
         " images; put ", files.images, " there");
  File file = File::open_for_reading((directory / files.images).string());
  const int64_t available = count_images(file);
  const int64_t count = limit > 0 ? std::min(limit, available) : available;
  Dataset dataset;
  dataset.name = "STL-10";
  dataset.layout = concat_text("binary version, ", files.images);
  dataset.images = read_images(device, file, count);
  if (files.labels != nullptr && holds_any(directory, {files.labels}))
    dataset.labels = read_labels((directory / files.labels).string(), available, count);
  dataset.class_names = read_class_names(directory / "class_names.txt", "STL-10", kClasses);
  dataset.normalization = measure_normalization(dataset.images);
  return dataset;
}

}  // namespace

std::optional<Dataset> open_stl10(Device& device, const fs::path& directory, Split split,
                                  int64_t limit) {
  for (const fs::path& place : {directory, directory / kFolder})
    if (holds_any(place, {"train_X.bin", "test_X.bin", "unlabeled_X.bin"}))
      return open_here(device, place, split, limit);
  return std::nullopt;
}

}  // namespace amcl
