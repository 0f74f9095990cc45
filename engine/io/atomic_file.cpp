#include "engine/io/atomic_file.h"

#include <unistd.h>

#include "engine/core/check.h"

namespace amcl {

// The name is fixed, so that the rest of a killed writer is found and reused, and the lock tells
// such a rest from a file that a living process writes.
AtomicFile::AtomicFile(const std::string& path)
    : path_(path), sibling_(File::open_exclusively(path + std::string(kTemporarySuffix))) {
  sibling_.truncate(0);
}

AtomicFile::~AtomicFile() {
  if (!committed_ && sibling_.still_in_place()) ::unlink(sibling_.path().c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  sibling_.write(bytes);
}

void AtomicFile::commit() {
  sibling_.sync();
  if (!sibling_.still_in_place())
    fail(ErrorKind::io, "cannot write ", path_, ": ", sibling_.path(),
         " was removed or replaced meanwhile");
  rename_over(sibling_.path(), path_);
  committed_ = true;
  sync_directory_of(path_);
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace amcl
