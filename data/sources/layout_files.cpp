#include "data/sources/layout_files.h"

#include <algorithm>
#include <utility>

#include "data/sources/text_lines.h"
#include "engine/core/check.h"

namespace amcl {

namespace fs = std::filesystem;

bool holds_any(const fs::path& directory, const std::vector<std::string>& files) {
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    std::error_code ignored;
    return fs::exists(directory / file, ignored);
  });
}

std::string absent_text(const fs::path& directory, const std::vector<std::string>& files) {
  std::string there;
  std::string absent;
  for (const std::string& file : files) {
    std::string& list = holds_any(directory, {file}) ? there : absent;
    list += (list.empty() ? "" : ", ") + file;
  }
  if (absent.empty()) return {};
  return concat_text(directory.string(), ": not there: ", absent, "; there: ", there);
}

std::vector<std::string> read_class_names(const fs::path& file, const char* layout,
                                          int64_t classes) {
  constexpr int64_t kMostNamesBytes = int64_t{1} << 20;
  std::vector<std::string> names;
  if (!holds_any(file.parent_path(), {file.filename().string()})) return names;
  for (TextLine& line : read_text_lines(file, kMostNamesBytes))
    names.push_back(std::move(line.text));
  if (!names.empty() && static_cast<int64_t>(names.size()) != classes)
    fail(ErrorKind::data, file.string(), ": ", names.size(), " class names, ", layout, " has ",
         classes);
  return names;
}

}  // namespace amcl
