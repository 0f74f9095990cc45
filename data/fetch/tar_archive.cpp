#include "data/fetch/tar_archive.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <vector>

#include "data/decode/gzip_file.h"
#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 512;

// Fields of a header (POSIX.1-1988 "ustar" and what GNU tar writes): offset and length.
struct Field {
  size_t offset;
  size_t length;
};
constexpr Field kName = {0, 100};
constexpr Field kSize = {124, 12};
constexpr Field kChecksum = {148, 8};
constexpr Field kMagic = {257, 5};
constexpr Field kPrefix = {345, 155};
constexpr size_t kType = 156;

// Besides the content of files: headers, attributes, and the zeros behind the end.
constexpr uint64_t kMostOtherBytes = uint64_t{16} << 20;

class TarReader {
 public:
  // No more than `most_bytes` of content and kMostOtherBytes are unpacked.
  TarReader(const std::string& path, uint64_t most_bytes)
      : file_(path), most_bytes_(most_bytes), left_(most_bytes + kMostOtherBytes) {
    buffer_.resize(size_t{1} << 20);
  }

  // Goes to the next entry; false at the end of the archive.
  bool next() {
    read(header_);
    if (std::all_of(header_.begin(), header_.end(), [](uint8_t byte) { return byte == 0; })) {
      while (const size_t count = file_.read_some(buffer_)) take(count);  // zeros, and gzip's CRC
      return false;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const bool of_sum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
      sum += of_sum ? ' ' : header_[i];
    }
    if (text(kMagic) != "ustar" || number(kChecksum) != sum)
      fail(ErrorKind::data, file_.path(), ": is no tar archive, or a damaged one");
    return true;
  }

  std::string name() const {
    const std::string prefix = text(kPrefix);
    // GNU tar has no prefix there, but times.
    const bool posix = header_[kMagic.offset + 5] == 0;
    return posix && !prefix.empty() ? prefix + '/' + text(kName) : text(kName);
  }
  char type() const { return header_[kType] == 0 ? '0' : static_cast<char>(header_[kType]); }
  uint64_t size() const { return number(kSize); }

  // The content of the entry, piece by piece, to `use`.
  template <class Use>
  void read_content(const Use& use) {
    uint64_t left = size();
    const uint64_t padding = (kBlock - left % kBlock) % kBlock;
    while (left > 0) {
      const std::span<uint8_t> part =
          std::span(buffer_).first(static_cast<size_t>(std::min<uint64_t>(left, buffer_.size())));
      read(part);
      use(std::as_bytes(part));
      left -= part.size();
    }
    read(std::span(buffer_).first(padding));
  }

 private:
  void read(std::span<uint8_t> bytes) {
    take(bytes.size());
    file_.read(bytes);
  }

  // Empty files, attributes and zeros without end would cost no content.
  void take(uint64_t bytes) {
    if (bytes > left_)
      fail(ErrorKind::data, file_.path(), ": unpacks to more than the ", most_bytes_,
           " bytes that can be in such a set and ", kMostOtherBytes,
           " of tar; nothing of it is kept");
    left_ -= bytes;
  }

  std::string text(Field field) const {
    const auto begin = header_.begin() + static_cast<ptrdiff_t>(field.offset);
    const auto end = begin + static_cast<ptrdiff_t>(field.length);
    return {begin, std::find(begin, end, 0)};
  }

  // Octal digits among spaces.
  uint64_t number(Field field) const {
    uint64_t value = 0;
    for (const char digit : text(field)) {
      if (digit == ' ') continue;
      if (digit < '0' || digit > '7')
        fail(ErrorKind::data, file_.path(), ": is a damaged tar archive (a number in a header)");
      value = value * 8 + static_cast<uint64_t>(digit - '0');
    }
    return value;
  }

  GzipFile file_;
  uint64_t most_bytes_;
  uint64_t left_;  // that may still be unpacked
  std::array<uint8_t, kBlock> header_{};
  std::vector<uint8_t> buffer_;
};

bool is_root(const std::string& name) {
  return name == "." || name == "./";
}

// The path without a leading "./", which some writers add.
std::string checked_path(const std::string& archive, const TarReader& reader,
                         const std::string& folder) {
  std::string name = reader.name();
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.ends_with('/')) name.pop_back();
  const fs::path path(name);
  const bool leaves =
      path.is_absolute() ||
      std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  if (leaves || name.empty() || *path.begin() != folder)
    fail(ErrorKind::data, archive, ": holds '", name, "', which is not in ", folder,
         "/; nothing of it is kept");
  return name;
}

// Whether what is unpacked has a file where `name` needs a folder, or a folder where it needs a
// file.
bool contradicts(const fs::path& directory, const fs::path& name, bool is_folder) {
  fs::path path = directory;
  for (auto part = name.begin(); part != name.end(); ++part) {
    path /= *part;
    const bool needs_folder = is_folder || std::next(part) != name.end();
    std::error_code ignored;
    if (needs_folder ? fs::is_regular_file(path, ignored) : fs::is_directory(path, ignored))
      return true;
  }
  return false;
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_writing(path.string(), error.value());
}

void write_content(TarReader& reader, const fs::path& path) {
  make_folder(path.parent_path());
  File file = File::open_for_writing(path.string());
  file.truncate(0);
  reader.read_content([&](std::span<const std::byte> part) { file.write(part); });
  file.sync();
}

}  // namespace

void check_tar_gz(const std::string& archive) {
  std::array<uint8_t, 6> begin{};
  File file = File::open_for_reading(archive);
  if (file.size() >= std::ssize(begin)) file.read(std::as_writable_bytes(std::span(begin)));
  constexpr std::array<uint8_t, 6> kXz = {0xfd, '7', 'z', 'X', 'Z', 0};
  if (begin == kXz)
    fail(ErrorKind::data, archive, ": is compressed by xz, not gzip; unpack it with tar -xJf ",
         archive, " and give the folder to --data");
  if (begin[0] != 0x1f || begin[1] != 0x8b)
    fail(ErrorKind::data, archive, ": is not compressed by gzip; a .tar.gz is needed");
}

void unpack_tar_gz(const std::string& archive, const std::string& directory,
                   const std::string& folder, uint64_t most_bytes) {
  check_tar_gz(archive);
  TarReader reader(archive, most_bytes);
  make_folder(fs::path(directory) / folder);
  uint64_t bytes = 0;
  while (reader.next()) {
    const char type = reader.type();
    if (type == 'g' || type == 'x') {  // attributes, such as exact times
      reader.read_content([](std::span<const std::byte>) {});
      continue;
    }
    if (type == '5' && is_root(reader.name())) continue;
    const std::string name = checked_path(archive, reader, folder);
    if (type != '5' && type != '0')
      fail(ErrorKind::data, archive, ": holds a link or device, '", name,
           "'; nothing of it is kept");
    if (contradicts(directory, name, type == '5'))
      fail(ErrorKind::data, archive, ": holds '", name,
           "' as a file and as a folder; nothing of it is kept");
    if (type == '5') {
      make_folder(fs::path(directory) / name);
      continue;
    }
    if (reader.size() > most_bytes - bytes)
      fail(ErrorKind::data, archive, ": holds more than the ", most_bytes,
           " bytes that can be in such a set, in '", name, "'; nothing of it is kept");
    bytes += reader.size();
    write_content(reader, fs::path(directory) / name);
  }
}

}  // namespace amcl
