#include "data/sources/stl10.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "data/image_files.h"
#include "data/sources/channel_statistics.h"
#include "data/sources/layout_files.h"
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

// Images in their file. What is read passes through a buffer: of the file, a process holds no page.
class Stl10Images final : public ImageFiles {
 public:
  explicit Stl10Images(const std::string& path) : file_(File::open_for_reading(path)) {
    const int64_t size = file_.size();
    if (size == 0) fail(ErrorKind::data, path, ": is empty; fetch the file again");
    if (size % kImageBytes != 0)
      fail(ErrorKind::data, path, ": ", size, " bytes are not a multiple of the ", kImageBytes,
           " bytes of an STL-10 image; the file is cut short or of another format");
    count_ = size / kImageBytes;
  }

  int64_t count() const override { return count_; }
  std::string name(int64_t index) const override { return std::to_string(index); }
  std::string place(int64_t index) const override {
    return concat_text(file_.path(), ", image ", index);
  }
  ImageContent content(int64_t index, std::vector<uint8_t>& buffer) const override {
    buffer.resize(kImageBytes);
    read_pixels(index, buffer.data());
    return {buffer, {kExtent, kExtent}};
  }
  uint64_t stamp(int64_t) const override { return stamp_of_file(file_.path()); }
  ImageExtent known_extent(int64_t) const override { return {kExtent, kExtent}; }

  void read_pixels(int64_t index, uint8_t* pixels) const {
    std::array<uint8_t, kImageBytes> planes;
    file_.read_at(index * kImageBytes, std::as_writable_bytes(std::span(planes)));
    transpose(planes.data(), pixels);
  }

 private:
  File file_;
  int64_t count_ = 0;
};

ImageNormalization measure(const Stl10Images& file, int64_t count) {
  return measure_normalization(count, [&](int64_t index) {
    std::vector<uint8_t> pixels(kImageBytes);
    file.read_pixels(index, pixels.data());
    return pixels;
  });
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

Dataset open_here(const fs::path& directory, Split split, int64_t limit) {
  const SplitFiles files = files_of(split);
  if (!holds_any(directory, {files.images}))
    fail(ErrorKind::missing, directory.string(), ": holds STL-10 but no ", name_of(split),
         " images; put ", files.images, " there");
  const auto images = std::make_shared<Stl10Images>((directory / files.images).string());
  const int64_t available = images->count();
  const int64_t count = limit > 0 ? std::min(limit, available) : available;
  Dataset dataset;
  dataset.name = "STL-10";
  dataset.layout = concat_text("binary version, ", files.images);
  if (files.labels != nullptr && holds_any(directory, {files.labels}))
    dataset.labels = read_labels((directory / files.labels).string(), available, count);
  else if (files.labels != nullptr)
    dataset.warnings.push_back(absent_text(directory, {files.images, files.labels}));
  dataset.class_names = read_class_names(directory / "class_names.txt", "STL-10", kClasses);
  dataset.normalization = measure(*images, count);
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  dataset.files = std::make_shared<SelectedFiles>(images, std::move(indices));
  dataset.file_extent = {kExtent, kExtent};
  return dataset;
}

}  // namespace

std::optional<Dataset> open_stl10(Device& /*device*/, const fs::path& directory, Split split,
                                  int64_t limit) {
  for (const fs::path& place : {directory, directory / kFolder})
    if (holds_any(place, {"train_X.bin", "test_X.bin", "unlabeled_X.bin"}))
      return open_here(place, split, limit);
  return std::nullopt;
}

}  // namespace amcl
