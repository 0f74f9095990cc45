#include "data/layout_files.h"

#include <algorithm>
#include <span>
#include <sstream>

#include "engine/core/check.h"
#include "engine/io/file.h"

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
  std::vector<std::string> names;
  if (!holds_any(file.parent_path(), {file.filename().string()})) return names;
  File opened = File::open_for_reading(file.string());
  std::string text(static_cast<size_t>(opened.size()), '\0');
  opened.read(std::as_writable_bytes(std::span(text)));
  std::istringstream stream(text);
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
