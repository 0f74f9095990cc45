#include "engine/io/atomic_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "engine/core/check.h"

namespace amcl {
namespace {

// The name is fixed, so that the rest of a killed writer is found and reused, and the lock tells
// such a rest from a file that a living process writes. Between our open and our lock that process
// may rename the file to its final name: then the locked file is no longer the sibling, and ours to
// leave alone.
File open_sibling(const std::string& path) {
  constexpr int kTries = 100;
  const std::string sibling = path + std::string(AtomicFile::kTemporarySuffix);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    File file = File::open_for_writing(sibling);
    if (!file.try_lock()) break;
    if (!file.still_in_place()) continue;
    file.truncate(0);
    return file;
  }
  fail(ErrorKind::io, "cannot write ", path, ": another process is writing it");
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), sibling_(open_sibling(path)) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(sibling_.path().c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  sibling_.write(bytes);
}

void AtomicFile::commit() {
  sibling_.sync();
  if (std::rename(sibling_.path().c_str(), path_.c_str()) != 0) fail_writing(path_, errno);
  committed_ = true;
  sync_directory_of(path_);
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace amcl
