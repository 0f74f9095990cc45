#include "data/decode/gzip_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

constexpr int64_t kMostInflation = 1032;

gzFile handle_of(void* handle) {
  return static_cast<gzFile>(handle);
}

}  // namespace

void GzipFile::Close::operator()(void* handle) const {
  gzclose(handle_of(handle));
}

GzipFile::GzipFile(const std::string& path) : path_(path) {
  const int64_t size = File::open_for_reading(path).size();  // refuses what is no readable file
  handle_.reset(gzopen(path.c_str(), "rb"));
  if (!handle_) fail(ErrorKind::io, "cannot read ", path, ": ", std::strerror(errno));
  compressed_ = gzdirect(handle_of(handle_.get())) == 0;
  most_bytes_ = compressed_ ? size * kMostInflation : size;
}

size_t GzipFile::read_some(std::span<uint8_t> bytes) {
  constexpr size_t kMost = size_t{1} << 30;  // zlib counts in int
  const auto wanted = static_cast<unsigned>(std::min(bytes.size(), kMost));
  const int count = gzread(handle_of(handle_.get()), bytes.data(), wanted);
  int status = Z_OK;
  const char* reason = gzerror(handle_of(handle_.get()), &status);
  if (status == Z_ERRNO) fail(ErrorKind::io, "cannot read ", path_, ": ", std::strerror(errno));
  if (count < 0 || status != Z_OK)
    fail(ErrorKind::data, path_, ": is damaged or cut short (", reason, "); fetch the file again");
  return static_cast<size_t>(count);
}

void GzipFile::read(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const size_t count = read_some(bytes);
    if (count == 0)
      fail(ErrorKind::data, path_, ": ends ", bytes.size(), " bytes early; fetch the file again");
    bytes = bytes.subspan(count);
  }
}

bool GzipFile::at_end() {
  uint8_t next = 0;
  return read_some({&next, 1}) == 0;
}

}  // namespace amcl
