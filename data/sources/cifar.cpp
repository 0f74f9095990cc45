#include "data/sources/cifar.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "data/sources/layout_files.h"
#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kExtent = 32;
constexpr int64_t kPixels = kExtent * kExtent;
constexpr int64_t kImageBytes = 3 * kPixels;

struct Layout {
  const char* name;
  const char* folder;  // of the official archive
  std::vector<std::string> train_files;
  std::vector<std::string> test_files;
  const char* class_file;
  std::vector<int32_t> label_limits;  // one per label byte; the last byte is the class
  ImageNormalization normalization;

  const std::vector<std::string>& files(Split split) const {
    if (split == Split::unlabeled)
      fail(ErrorKind::usage, "split: ", name, " has no unlabeled images; choose train or test");
    return split == Split::train ? train_files : test_files;
  }
  int32_t classes() const { return label_limits.back(); }
  int64_t label_bytes() const { return static_cast<int64_t>(label_limits.size()); }
  int64_t record_bytes() const { return label_bytes() + kImageBytes; }
};

// Channel statistics of the 50,000 training images.
const Layout& cifar10() {
  static const Layout layout = {"CIFAR-10",
                                "cifar-10-batches-bin",
                                {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                 "data_batch_4.bin", "data_batch_5.bin"},
                                {"test_batch.bin"},
                                "batches.meta.txt",
                                {10},
                                {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}}};
  return layout;
}

const Layout& cifar100() {
  static const Layout layout = {"CIFAR-100",
                                "cifar-100-binary",
                                {"train.bin"},
                                {"test.bin"},
                                "fine_label_names.txt",
                                {20, 100},
                                {{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}}};
  return layout;
}

std::string reason() {
  return errno != 0 ? std::strerror(errno) : "read failed";
}

struct RecordFile {
  fs::path path;
  int64_t records = 0;
};

RecordFile check_size(const Layout& layout, const fs::path& path) {
  const int64_t size = File::open_for_reading(path.string()).size();
  const int64_t record = layout.record_bytes();
  if (size == 0) fail(ErrorKind::data, path.string(), ": is empty; fetch the file again");
  if (size % record != 0)
    fail(ErrorKind::data, path.string(), ": ", size, " bytes are not a multiple of the ",
         layout.name, " record of ", record, " bytes; the file is cut short or of another format");
  return {path, size / record};
}

// Planes [3, 32, 32] to pixels [32, 32, 3].
void interleave(const uint8_t* planes, uint8_t* pixels) {
  for (int64_t i = 0; i < kPixels; ++i)
    for (int64_t channel = 0; channel < 3; ++channel)
      pixels[i * 3 + channel] = planes[channel * kPixels + i];
}

// The file's first images [records, 32, 32, 3]; appends their labels.
std::vector<uint8_t> read_records(const Layout& layout, const RecordFile& file, int64_t records,
                                  std::vector<int32_t>& labels) {
  errno = 0;
  std::ifstream stream(file.path, std::ios::binary);
  if (!stream) fail(ErrorKind::io, file.path.string(), ": cannot be opened: ", reason());
  std::vector<uint8_t> images(static_cast<size_t>(records * kImageBytes));
  std::vector<uint8_t> record(static_cast<size_t>(layout.record_bytes()));
  for (int64_t index = 0; index < records; ++index) {
    if (!stream.read(reinterpret_cast<char*>(record.data()), layout.record_bytes()))
      fail(ErrorKind::io, file.path.string(), ": record ", index, " cannot be read: ", reason());
    for (size_t byte = 0; byte < layout.label_limits.size(); ++byte)
      if (record[byte] >= layout.label_limits[byte])
        fail(ErrorKind::data, file.path.string(), ": record ", index, " has label ",
             int{record[byte]}, ", ", layout.name, " allows 0 to ", layout.label_limits[byte] - 1,
             "; the file is damaged or of another format");
    labels.push_back(record[layout.label_limits.size() - 1]);
    interleave(record.data() + layout.label_bytes(), images.data() + index * kImageBytes);
  }
  return images;
}

Dataset open_layout(Device& device, const Layout& layout, const fs::path& directory, Split split,
                    int64_t limit) {
  std::vector<RecordFile> files;
  int64_t available = 0;
  for (const std::string& name : layout.files(split))
    if (holds_any(directory, {name})) {
      files.push_back(check_size(layout, directory / name));
      available += files.back().records;
    }
  if (files.empty())
    fail(ErrorKind::missing, directory.string(), ": holds ", layout.name, " but no ",
         name_of(split), " images; put ", layout.files(split).front(), " there");

  const int64_t count = limit > 0 ? std::min(limit, available) : available;
  Dataset dataset;
  dataset.name = layout.name;
  dataset.layout = "binary version";
  if (const size_t all = layout.files(split).size(); files.size() < all)
    dataset.layout += concat_text(", ", files.size(), " of ", all, " files");
  dataset.images = Tensor::empty(device, {count, kExtent, kExtent, 3}, DType::u8);
  for (const RecordFile& file : files) {
    const auto begin = static_cast<int64_t>(dataset.labels.size());
    const int64_t end = std::min(count, begin + file.records);
    if (begin == end) break;
    const std::vector<uint8_t> images = read_records(layout, file, end - begin, dataset.labels);
    device.copy_from_host(dataset.images.slice(begin, end).raw(), images.data(), images.size());
  }
  dataset.class_names =
      read_class_names(directory / layout.class_file, layout.name, layout.classes());
  dataset.normalization = layout.normalization;
  if (std::string absent = absent_text(directory, layout.files(split)); !absent.empty())
    dataset.warnings.push_back(std::move(absent));
  return dataset;
}

}  // namespace

std::optional<Dataset> open_cifar(Device& device, const fs::path& directory, Split split,
                                  int64_t limit) {
  for (const Layout* layout : {&cifar10(), &cifar100()})
    for (const fs::path& place : {directory, directory / layout->folder})
      if (holds_any(place, layout->train_files) || holds_any(place, layout->test_files))
        return open_layout(device, *layout, place, split, limit);
  return std::nullopt;
}

}  // namespace amcl
