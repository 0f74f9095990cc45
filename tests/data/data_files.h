// Files of data sets made by a test, and what opening them gives.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"
#include "engine/core/check.h"

namespace amcl {

// A directory that is removed with all its content at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Makes the folders of `path` too.
void write(const std::filesystem::path& path, const std::string& bytes);
std::string bytes_of(const std::filesystem::path& path);

// 14 JPEG files of differing sizes and orientations, a.jpg to n.jpg; e.jpg and f.jpg are cut short
// if asked.
void write_photographs(const std::filesystem::path& directory, bool with_bad_ones);

struct Outcome {
  ErrorKind kind = ErrorKind::internal;
  std::string message = "no error";
};

// The error of opening the source, if there is one.
Outcome opening_of(const std::string& source, Split split = Split::train,
                   const DatasetOptions& options = {});

}  // namespace amcl
