#include "engine/io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

const char* remedy(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "; free some space there";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a place that you may write to";
    case ELOOP:
      return "; it is a symbolic link, which is not written through: remove it";
    default:
      return "";
  }
}

}  // namespace

void fail_writing(const std::string& path, int error_number) {
  fail(ErrorKind::io, "cannot write ", path, ": ", reason(error_number), remedy(error_number));
}

File File::open_for_reading(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not wait.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    const int error_number = errno;
    if (error_number == ENOENT || error_number == ENOTDIR)
      fail(ErrorKind::missing, "no such file: ", path);
    fail(ErrorKind::io, "cannot read ", path, ": ", reason(error_number));
  }
  File file(path, descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    fail(ErrorKind::io, "cannot read ", path, ": ", reason(errno));
  if (!S_ISREG(status.st_mode))
    fail(ErrorKind::data, path, " is ", S_ISDIR(status.st_mode) ? "a directory" : "a device",
         ", not a file");
  return file;
}

File File::open_for_writing(const std::string& path) {
  // The names that are written are known beforehand: a link that somebody else has put there must not
  // lead to another file.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor < 0) fail_writing(path, errno);
  return {path, descriptor};
}

File File::open_exclusively(const std::string& path) {
  // Between our open and our lock the process that held the lock may rename the file to its final
  // name: then the locked file is no longer the one of `path`, and ours to leave alone.
  constexpr int kTries = 100;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    File file = open_for_writing(path);
    if (!file.try_lock()) break;
    if (file.still_in_place()) return file;
  }
  fail(ErrorKind::io, "cannot write ", path, ": another process is writing it");
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int64_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0)
    fail(ErrorKind::io, "cannot read ", path_, ": ", reason(errno));
  return status.st_size;
}

void File::read(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorKind::io, "cannot read ", path_, ": ", reason(errno));
    if (count == 0) fail(ErrorKind::data, path_, " ends ", bytes.size(), " bytes early");
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void File::read_at(int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(descriptor_, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorKind::io, "cannot read ", path_, ": ", reason(errno));
    if (count == 0) fail(ErrorKind::data, path_, " ends ", bytes.size(), " bytes early");
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += count;
  }
}

void File::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_writing(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void File::write_at(int64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_writing(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(count));
    offset += count;
  }
}

void File::truncate(int64_t size) {
  if (::ftruncate(descriptor_, size) != 0 || ::lseek(descriptor_, size, SEEK_SET) < 0)
    fail_writing(path_, errno);
}

void File::sync() {
  if (::fsync(descriptor_) != 0) fail_writing(path_, errno);
}

bool File::try_lock() {
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno == EINTR) continue;
    return true;
  }
  return true;
}

bool File::still_in_place() const {
  struct stat here {};
  struct stat there {};
  return ::fstat(descriptor_, &here) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

void sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string directory = (parent.empty() ? std::filesystem::path(".") : parent).string();
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_writing(directory, errno);
  const int error_number = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems cannot sync a directory; a rename is then as lasting as they make it.
  if (error_number != 0 && error_number != EINVAL && error_number != EROFS)
    fail_writing(directory, error_number);
}

void rename_over(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail_writing(to, errno);
}

}  // namespace amcl
