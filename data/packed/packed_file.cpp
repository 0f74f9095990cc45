#include "data/packed/packed_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/core/check.h"
#include "engine/io/crc32c.h"

namespace amcl {
namespace {

constexpr uint32_t kMostPackedSize = 4096;  // as --size
// Some 40 million images.
constexpr uint64_t kMostIndexBytes = uint64_t{4} << 30;
constexpr const char* kRemedy = "; copy it again, or pack the set again";

// The value of type T at the front of `bytes`, which are long enough.
template <class T>
T value_at(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Takes values off the front of the texts of an index; false if they end before.
class TextReader {
 public:
  explicit TextReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool take(uint32_t& value) {
    if (rest_.size() < sizeof value) return false;
    value = value_at<uint32_t>(rest_);
    rest_ = rest_.subspan(sizeof value);
    return true;
  }
  bool take(std::string& text) {
    uint32_t length = 0;
    if (!take(length) || length > rest_.size()) return false;
    text.assign(reinterpret_cast<const char*>(rest_.data()), length);
    rest_ = rest_.subspan(length);
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace

bool is_packed_file(const std::string& path) {
  try {
    File file = File::open_for_reading(path);
    std::array<uint8_t, kPackedMagic.size()> begin{};
    if (file.size() < std::ssize(begin)) return false;
    file.read(std::as_writable_bytes(std::span(begin)));
    return begin == kPackedMagic;
  } catch (const Error&) {
    return false;  // whoever opens the file says why
  }
}

PackedFile::PackedFile(const std::string& path) : file_(File::open_for_reading(path)) {
  read_header();
  read_index();
  check_entries();
  check_names();
  read_texts();
  intact_ = std::make_unique<std::atomic<uint8_t>[]>(header_.images);
}

void PackedFile::read_header() {
  std::array<std::byte, sizeof header_> content{};
  const std::span<std::byte> bytes = std::span(content).first(
      static_cast<size_t>(std::min<int64_t>(file_.size(), std::ssize(content))));
  file_.read_at(0, bytes);
  if (bytes.size() < kPackedMagic.size() ||
      std::memcmp(bytes.data(), kPackedMagic.data(), kPackedMagic.size()) != 0)
    fail(ErrorKind::data, file_.path(), ": is no packed set; make one with amcl data pack");
  if (bytes.size() < sizeof header_)
    fail(ErrorKind::data, file_.path(), ": is cut short, ", bytes.size(), " bytes are left",
         kRemedy);
  header_ = value_at<PackedHeader>(bytes);
  if (header_.version != kPackedVersion)
    fail(ErrorKind::data, file_.path(), ": is a packed set of version ", header_.version,
         ", this program reads version ", kPackedVersion, "; pack the set again");
  if (packed_crc(header_) != header_.crc)
    fail(ErrorKind::data, file_.path(), ": its header is damaged (CRC-32C)", kRemedy);
  if (header_.complete == 0)
    fail(ErrorKind::data, file_.path(),
         ": was not packed to the end; amcl data pack with the same arguments goes on with it");
  bool usable = uint64_t{header_.height} * header_.width <= uint64_t{kMostImagePixels} &&
                (header_.height == 0) == (header_.width == 0) &&
                (header_.height > 0 || header_.size > 0) && header_.size <= kMostPackedSize;
  for (const PackedMeasure& measure : header_.measures)
    for (size_t channel = 0; channel < 3; ++channel)
      usable &= std::isfinite(measure.mean[channel]) && std::isnormal(measure.deviation[channel]);
  if (!usable) fail(ErrorKind::data, file_.path(), ": its header holds impossible values", kRemedy);
}

void PackedFile::read_index() {
  const auto size = static_cast<uint64_t>(file_.size());
  if (header_.index_offset > size || header_.index_bytes != size - header_.index_offset)
    fail(ErrorKind::data, file_.path(), ": is cut short or joined with something: ", size,
         " bytes instead of ", header_.index_offset + header_.index_bytes, kRemedy);
  if (header_.index_bytes > kMostIndexBytes)
    fail(ErrorKind::data, file_.path(), ": its index takes ", header_.index_bytes,
         " bytes, more than the ", kMostIndexBytes, " that are read; pack the set in parts");
  index_.resize(header_.index_bytes);
  file_.read_at(static_cast<int64_t>(header_.index_offset), index_);
  if (crc32c(index_) != header_.index_crc)
    fail(ErrorKind::data, file_.path(), ": its index is damaged (CRC-32C)", kRemedy);
  constexpr uint64_t kBytesPerImage = sizeof(PackedEntry) + sizeof(uint64_t);
  const bool fits = header_.images <= (header_.index_bytes / kBytesPerImage) &&
                    header_.images * kBytesPerImage + sizeof(uint64_t) <= header_.index_bytes;
  if (!fits || header_.images == 0)
    fail(ErrorKind::data, file_.path(), ": its index has no room for ", header_.images, " images",
         kRemedy);
  names_offset_ = header_.images * kBytesPerImage + sizeof(uint64_t);
}

PackedEntry PackedFile::entry(int64_t index) const {
  return value_at<PackedEntry>(
      std::span(index_).subspan(static_cast<size_t>(index) * sizeof(PackedEntry)));
}

void PackedFile::check_entries() const {
  uint64_t end = sizeof(PackedHeader);
  uint32_t part = 0;
  for (int64_t image = 0; image < count(); ++image) {
    const PackedEntry found = entry(image);
    const bool behind =
        found.offset == end + sizeof(RecordHead) && found.offset <= header_.index_offset &&
        found.length <= header_.index_offset - found.offset && found.length <= kMostImageFileBytes;
    const bool of_size =
        header_.height == 0 || (found.height == header_.height && found.width == header_.width);
    if (!behind || !of_size || found.part < part || found.part > 2 || found.label < -1)
      fail(ErrorKind::data, file_.path(), ": the entry of image ", image, " in its index is wrong",
           kRemedy);
    end = found.offset + found.length;
    part = found.part;
  }
  if (end != header_.index_offset)
    fail(ErrorKind::data, file_.path(), ": its index knows nothing of the ",
         header_.index_offset - end, " bytes before it", kRemedy);
}

uint64_t PackedFile::name_begin(int64_t index) const {
  const size_t entries = header_.images * sizeof(PackedEntry);
  return value_at<uint64_t>(
      std::span(index_).subspan(entries + static_cast<size_t>(index) * sizeof(uint64_t)));
}

void PackedFile::check_names() const {
  uint64_t end = 0;
  for (int64_t image = 0; image <= count(); ++image) {
    const uint64_t begin = name_begin(image);
    if (begin < end || begin > header_.index_bytes - names_offset_)
      fail(ErrorKind::data, file_.path(), ": the name of image ", image, " in its index is wrong",
           kRemedy);
    end = begin;
  }
}

void PackedFile::read_texts() {
  const std::span<const std::byte> bytes(index_);
  TextReader reader(bytes.subspan(names_offset_ + name_begin(count())));
  uint32_t classes = 0;
  bool good = reader.take(set_name_) && reader.take(layout_) && reader.take(classes);
  for (uint32_t i = 0; good && i < classes; ++i) good = reader.take(class_names_.emplace_back());
  if (!good || !reader.at_end())
    fail(ErrorKind::data, file_.path(), ": the texts of its index are wrong", kRemedy);
}

std::string PackedFile::name(int64_t index) const {
  const uint64_t begin = name_begin(index);
  const std::span<const std::byte> bytes =
      std::span(index_).subspan(names_offset_ + begin, name_begin(index + 1) - begin);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string PackedFile::place(int64_t index) const {
  return concat_text(file_.path(), ", image ", index, " (", name(index), ")");
}

ImageContent PackedFile::content(int64_t index, std::vector<uint8_t>& buffer) const {
  if (file_.size() < static_cast<int64_t>(header_.index_offset + header_.index_bytes))
    fail(ErrorKind::data, file_.path(), " has become shorter while it is in use");
  const PackedEntry found = entry(index);
  const size_t record_bytes = sizeof(RecordHead) + found.length;
  if (buffer.size() < record_bytes) buffer.resize(record_bytes);
  const std::span<uint8_t> record = std::span(buffer).first(record_bytes);
  file_.read_at(static_cast<int64_t>(found.offset - sizeof(RecordHead)),
                std::as_writable_bytes(record));
  const std::span<const uint8_t> image = record.subspan(sizeof(RecordHead));
  std::atomic<uint8_t>& intact = intact_[static_cast<size_t>(index)];
  if (intact.load(std::memory_order_relaxed) == 0) {
    const auto head = value_at<RecordHead>(std::as_bytes(record));
    if (crc32c(std::as_bytes(image)) != found.image_crc || packed_crc(head) != head.crc)
      fail(ErrorKind::data, place(index), ": is damaged (CRC-32C)", kRemedy);
    intact.store(1, std::memory_order_relaxed);
  }
  return image;
}

}  // namespace amcl
