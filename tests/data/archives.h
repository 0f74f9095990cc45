// Archives made by a test: tar, and gzip around anything.
#pragma once
#include <string>
#include <vector>

namespace amcl {

struct TarEntry {
  std::string name;
  std::string content = {};
  char type = '0';
};

// With the two blocks of zeros that end it.
std::string tar(const std::vector<TarEntry>& entries);
// With the right checksum in every header that the sizes lead to.
std::string with_header_sums(std::string archive);

std::string gzipped(const std::string& bytes);

}  // namespace amcl
