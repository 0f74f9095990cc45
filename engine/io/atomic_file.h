// A file that appears under its name only when it is complete: written to a sibling, fsynced,
// renamed, the directory fsynced. A killed process or a full disk leaves the old file as it was.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/io/file.h"

namespace amcl {

class AtomicFile {
 public:
  static constexpr std::string_view kTemporarySuffix = ".tmp";

  // Opens the sibling `path` + kTemporarySuffix; what a killed writer left there is discarded.
  // Throws Error(io) naming the path if it cannot be made, or if another process writes it.
  explicit AtomicFile(const std::string& path);
  // Removes the sibling unless commit() has succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Both throw Error(io) naming the path and the reason (no space, quota, read-only, a sibling that
  // is no longer there).
  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  std::string path_;
  File sibling_;
  bool committed_ = false;
};

// The whole of a small text file (config.toml, summary.json).
void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace amcl
