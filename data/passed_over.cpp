#include "data/passed_over.h"

#include <algorithm>
#include <numeric>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kFoldersNamed = 5;

void append(std::string& text, const char* separator, const std::string& more) {
  if (!text.empty()) text += separator;
  text += more;
}

std::string number_of(int64_t count, const char* one, const char* several) {
  return concat_text(count, ' ', count == 1 ? one : several);
}

std::string kinds_text(const std::array<int64_t, kFileKinds>& files) {
  std::string text;
  for (size_t kind = 0; kind < kFileKinds; ++kind)
    if (files[kind] > 0)
      append(text, ", ", concat_text(files[kind], ' ', name_of(static_cast<FileKind>(kind))));
  return text;
}

}  // namespace

int64_t PassedOver::file_count() const {
  return std::accumulate(files.begin(), files.end(), int64_t{0});
}

std::string PassedOver::text() const {
  std::string text;
  if (const int64_t count = file_count(); count > 0)
    text = number_of(count, "file", "files") + ": " + kinds_text(files);
  if (hidden > 0)
    append(text, "; ", number_of(hidden, "hidden or system entry", "hidden or system entries"));
  if (links > 0)
    append(text, "; ", number_of(links, "link to a folder", "links to folders") + " seen before");
  for (size_t i = 0; i < std::min(folders.size(), kFoldersNamed); ++i)
    append(text, i == 0 ? "; " : ", ", (i == 0 ? "the folder " : "") + folders[i]);
  if (folders.size() > kFoldersNamed)
    text += concat_text(" and ", folders.size() - kFoldersNamed, " more");
  return text.empty() ? text : "passed over " + text;
}

std::string PassedOver::warning(const std::string& source, int64_t images) const {
  const int64_t count = file_count();
  const int64_t all = images + count;
  if (10 * count <= all) return {};
  return concat_text(source, ": ", count, " of ", all,
                     " files are passed over: ", kinds_text(files));
}

}  // namespace amcl
