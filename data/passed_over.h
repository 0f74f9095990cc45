// What lies in a source and is not taken as an image of the set.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/decode/file_kind.h"

namespace amcl {

struct PassedOver {
  std::array<int64_t, kFileKinds> files{};  // of each FileKind
  int64_t hidden = 0;  // hidden and system entries; a folder with all that is in it is one
  int64_t links = 0;   // to folders whose images are there by another path
  std::vector<std::string> folders;  // beside those of the parts

  void add(FileKind kind) { ++files[static_cast<size_t>(kind)]; }
  int64_t file_count() const;
  // "passed over 8 files: 4 TIFF (not supported), 4 text; 2 hidden or system entries"; empty if
  // there is nothing.
  std::string text() const;
  // A line for people where more than a tenth of the files (beside `images` images) is passed over;
  // empty otherwise. What is hidden does not count: it is there in great numbers (._x beside each
  // x).
  std::string warning(const std::string& source, int64_t images) const;
};

}  // namespace amcl
