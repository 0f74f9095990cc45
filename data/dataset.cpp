#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include "data/cifar.h"
#include "data/shapes.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// FNV-1a, 64 bits.
class Hash {
 public:
  void add(const void* bytes, size_t count) {
    const auto* byte = static_cast<const uint8_t*>(bytes);
    for (size_t i = 0; i < count; ++i) state_ = (state_ ^ byte[i]) * 0x100000001b3;
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xcbf29ce484222325;
};

// Files that show that a directory holds CIFAR as pickled Python objects.
constexpr const char* kPickledFiles[] = {"data_batch_1", "test_batch", "train", "test"};
constexpr const char* kPickledFolders[] = {"", "cifar-10-batches-py", "cifar-100-python"};

bool holds_pickled_cifar(const fs::path& directory) {
  std::error_code ignored;
  for (const char* folder : kPickledFolders)
    for (const char* file : kPickledFiles)
      if (fs::is_regular_file(directory / folder / file, ignored)) return true;
  return false;
}

[[noreturn]] void fail_unknown_layout(const fs::path& directory) {
  if (holds_pickled_cifar(directory))
    fail(ErrorKind::missing, directory.string(),
         ": holds CIFAR for Python (pickled); the binary version is needed: "
         "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz");
  std::error_code error;
  const bool empty = fs::is_empty(directory, error);
  if (error) fail(ErrorKind::io, directory.string(), ": cannot be read: ", error.message());
  fail(ErrorKind::missing, directory.string(), empty ? ": is empty" : ": holds no known data set",
       "; looked for data_batch_1.bin to data_batch_5.bin or test_batch.bin (CIFAR-10), and "
       "train.bin or test.bin (CIFAR-100), here and in cifar-10-batches-bin and cifar-100-binary");
}

}  // namespace

std::string Dataset::fingerprint() const {
  constexpr int64_t kSampled = 256;  // images, evenly spread
  Hash hash;
  const int64_t step = std::max<int64_t>(1, count() / kSampled);
  for (int64_t index = 0; index < count(); index += step) {
    const std::vector<uint8_t> image = images.slice(index, index + 1).to_host<uint8_t>();
    hash.add(image.data(), image.size());
  }
  hash.add(labels.data(), labels.size() * sizeof(labels[0]));
  std::ostringstream text;
  for (const int64_t extent : images.shape().extents()) text << extent << 'x';
  text << std::hex << std::setw(16) << std::setfill('0') << hash.value();
  return text.str();
}

Dataset open_dataset(Device& device, const std::string& source, Split split, int64_t limit,
                     uint64_t seed) {
  if (source.empty()) fail(ErrorKind::usage, "data: give a directory, or shapes10");
  if (source == "shapes10") return make_shapes(device, split, limit, seed);
  const fs::path directory(source);
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found)
    fail(ErrorKind::missing, source,
         ": no such directory; give one that holds images, or shapes10");
  if (error) fail(ErrorKind::io, source, ": cannot be read: ", error.message());
  if (!fs::is_directory(status))
    fail(ErrorKind::missing, source, ": is not a directory; give the one that holds the files");
  if (std::optional<Dataset> dataset = open_cifar(device, directory, split, limit))
    return std::move(*dataset);
  fail_unknown_layout(directory);
}

}  // namespace amcl
