#include "data/sources/idx.h"

#include <algorithm>
#include <array>

#include "data/decode/gzip_file.h"
#include "data/sources/channel_statistics.h"
#include "data/sources/layout_files.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kImagesMagic = 2051;
constexpr int64_t kLabelsMagic = 2049;
constexpr int64_t kMostExtent = 4096;  // pixels of a side
constexpr const char* kPlaces[] = {"", "raw", "MNIST/raw", "FashionMNIST/raw"};

// The names that a file of this part and kind may have.
std::vector<std::string> names_of(Split split, const std::string& kind) {
  const std::string part = split == Split::test ? "t10k" : "train";
  const std::string type = kind == "images" ? "idx3-ubyte" : "idx1-ubyte";
  std::vector<std::string> names;
  for (const char* separator : {"-", "."})
    for (const char* ending : {"", ".gz"})
      names.push_back(part + '-' + kind + separator + type + ending);
  return names;
}

// The first of the names that is there; nothing if none is.
std::optional<std::string> find_file(const fs::path& directory,
                                     const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (holds_any(directory, {name})) return (directory / name).string();
  return std::nullopt;
}

int64_t read_number(GzipFile& file) {
  std::array<uint8_t, 4> bytes{};
  file.read(bytes);
  int64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

void check_magic(GzipFile& file, int64_t wanted) {
  const int64_t magic = read_number(file);
  if (magic != wanted)
    fail(ErrorKind::data, file.path(), ": begins with ", magic, " instead of ", wanted,
         "; it is damaged or no IDX file of this kind");
}

// A header may claim anything: no more is believed than the file's size allows, and of a compressed
// file, whose size allows a thousand times as much, no more than four times the largest published
// set (EMNIST).
void check_size(GzipFile& file, int64_t content) {
  constexpr int64_t kMostInflated = int64_t{2} << 30;
  if (file.compressed() && content > kMostInflated)
    fail(ErrorKind::data, file.path(), ": unpacks to ", content, " bytes, more than the ",
         kMostInflated, " that are unpacked on the way; unpack it with gunzip if you trust it");
  if (content > file.most_bytes())
    fail(ErrorKind::data, file.path(), ": its header promises ", content,
         " bytes, which the file cannot hold; it is cut short or damaged");
}

void check_end(GzipFile& file) {
  if (!file.at_end())
    fail(ErrorKind::data, file.path(), ": holds more than its header says; it is damaged");
}

Tensor read_images(Device& device, const std::string& path, int64_t limit, int64_t& available) {
  GzipFile file(path);
  check_magic(file, kImagesMagic);
  available = read_number(file);
  const int64_t rows = read_number(file);
  const int64_t columns = read_number(file);
  if (available < 1 || rows < 1 || columns < 1 || rows > kMostExtent || columns > kMostExtent)
    fail(ErrorKind::data, path, ": ", available, " images of ", rows, " x ", columns,
         "; needs at least one, with sides of 1 to ", kMostExtent);
  const int64_t pixels = rows * columns;
  check_size(file, available * pixels);

  const int64_t count = limit > 0 ? std::min(limit, available) : available;
  Tensor images = Tensor::empty(device, {count, rows, columns, 3}, DType::u8);
  std::vector<uint8_t> gray(static_cast<size_t>(pixels));
  std::vector<uint8_t> colored(static_cast<size_t>(pixels * 3));
  for (int64_t index = 0; index < count; ++index) {
    file.read(gray);
    for (size_t i = 0; i < gray.size(); ++i) std::fill_n(colored.begin() + 3 * i, 3, gray[i]);
    device.copy_from_host(images.slice(index, index + 1).raw(), colored.data(), colored.size());
  }
  if (count == available) check_end(file);
  return images;
}

std::vector<int32_t> read_labels(const std::string& path, int64_t images, int64_t count) {
  GzipFile file(path);
  check_magic(file, kLabelsMagic);
  const int64_t labels = read_number(file);
  if (labels != images)
    fail(ErrorKind::data, path, ": ", labels, " labels for ", images,
         " images; the two files are not of one set");
  check_size(file, labels);
  std::vector<uint8_t> bytes(static_cast<size_t>(labels));
  file.read(bytes);
  check_end(file);
  return {bytes.begin(), bytes.begin() + count};
}

Dataset open_here(Device& device, const fs::path& directory, Split split, int64_t limit) {
  if (split == Split::unlabeled)
    fail(ErrorKind::usage, "split: ", directory.string(),
         " has no unlabeled images; choose train or test");
  const std::optional<std::string> images = find_file(directory, names_of(split, "images"));
  if (!images)
    fail(ErrorKind::missing, directory.string(), ": holds IDX files but no ", name_of(split),
         " images; put ", names_of(split, "images").front(), " there");
  Dataset dataset;
  dataset.name = "IDX";
  dataset.layout = concat_text("as MNIST, ", fs::path(*images).filename().string());
  int64_t available = 0;
  dataset.images = read_images(device, *images, limit, available);
  if (const auto labels = find_file(directory, names_of(split, "labels")))
    dataset.labels = read_labels(*labels, available, dataset.count());
  else
    dataset.warnings.push_back(absent_text(
        directory, {fs::path(*images).filename().string(), names_of(split, "labels").front()}));
  dataset.normalization = measure_normalization(dataset.images);
  return dataset;
}

}  // namespace

std::optional<Dataset> open_idx(Device& device, const fs::path& directory, Split split,
                                int64_t limit) {
  for (const char* folder : kPlaces) {
    const fs::path place = *folder == '\0' ? directory : directory / folder;
    if (holds_any(place, names_of(Split::train, "images")) ||
        holds_any(place, names_of(Split::test, "images")))
      return open_here(device, place, split, limit);
  }
  return std::nullopt;
}

}  // namespace amcl
