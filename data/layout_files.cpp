#include "data/layout_files.h"

#include <algorithm>
#include <fstream>

#include "engine/core/check.h"

namespace amcl {

namespace fs = std::filesystem;

bool holds_any(const fs::path& directory, const std::vector<std::string>& files) {
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    std::error_code ignored;
    return fs::exists(directory / file, ignored);
  });
}

std::vector<std::string> read_class_names(const fs::path& file, const char* layout,
                                          int64_t classes) {
  std::ifstream stream(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (!names.empty() && static_cast<int64_t>(names.size()) != classes)
    fail(ErrorKind::data, file.string(), ": ", names.size(), " class names, ", layout, " has ",
         classes);
  return names;
}

}  // namespace amcl
