#include "data/image_files.h"

#include <sys/stat.h>

#include <filesystem>

#include "data/hash.h"
#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {

DirectoryFiles::DirectoryFiles(std::string directory, std::vector<std::string> names)
    : directory_(std::move(directory)), names_(std::move(names)) {}

std::string DirectoryFiles::place(int64_t index) const {
  // A name that begins with / stands for itself.
  return (std::filesystem::path(directory_) / names_[static_cast<size_t>(index)]).string();
}

ImageContent DirectoryFiles::content(int64_t index, std::vector<uint8_t>& buffer) const {
  File file = File::open_for_reading(place(index));
  const int64_t size = file.size();
  if (size > kMostImageFileBytes)
    fail(ErrorKind::data, file.path(), " is ", size, " bytes long, too long for an image");
  if (buffer.size() < static_cast<size_t>(size)) buffer.resize(static_cast<size_t>(size));
  const std::span<uint8_t> content = std::span(buffer).first(static_cast<size_t>(size));
  file.read(std::as_writable_bytes(content));
  return std::span<const uint8_t>(content);
}

uint64_t stamp_of_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  const int64_t parts[] = {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  Hash hash;
  hash.add(parts, sizeof parts);
  return hash.value();
}

uint64_t DirectoryFiles::stamp(int64_t index) const {
  return stamp_of_file(place(index));
}

}  // namespace amcl
