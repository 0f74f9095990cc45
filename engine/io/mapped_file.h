// A file as memory, for reading: pages come from the disk when they are touched, are shared by all
// processes that map the file, and are given up when memory is short.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "engine/io/file.h"

namespace amcl {

class MappedFile {
 public:
  // Errors as File::open_for_reading; io if the system cannot map the file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return file_.path(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  // Asks for a part at once, which would otherwise come page by page.
  void prefetch(std::span<const std::byte> part) const;
  // Takes a part out of the memory of this process until it is touched again; the system keeps it in its
  // cache while there is room. Other threads may be reading it.
  void give_back(std::span<const std::byte> part) const;
  // Error(data) if the file has become shorter than the memory, which ends a process that touches
  // what is gone.
  void check_length() const;

 private:
  File file_;
  std::span<const std::byte> bytes_;
};

}  // namespace amcl
