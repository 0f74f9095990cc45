#include "engine/io/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "engine/core/check.h"

namespace amcl {
namespace {

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// All pages that hold something of `part`. The system may refuse the advice: then pages come when they
// are touched, and go when memory is short.
void advise(std::span<const std::byte> part, int advice) {
  const auto begin = reinterpret_cast<uintptr_t>(part.data()) / page_bytes() * page_bytes();
  const auto end = reinterpret_cast<uintptr_t>(part.data() + part.size());
  ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : file_(File::open_for_reading(path)) {
  const auto size = static_cast<size_t>(file_.size());
  if (size == 0) return;  // the system maps no empty file
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.descriptor(), 0);
  if (memory == MAP_FAILED)
    fail(ErrorKind::io, "cannot map ", path, ": ", std::generic_category().message(errno));
  bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::prefetch(std::span<const std::byte> part) const {
  if (part.size() > page_bytes()) advise(part, MADV_WILLNEED);
}

void MappedFile::give_back(std::span<const std::byte> part) const {
  advise(part, MADV_DONTNEED);  // of a mapping that nobody writes to: nothing is lost
}

void MappedFile::check_length() const {
  if (file_.size() < static_cast<int64_t>(bytes_.size()))
    fail(ErrorKind::data, path(), " has become shorter while it is in use");
}

}  // namespace amcl
