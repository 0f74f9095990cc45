#include "data/sources/text_lines.h"

#include <span>
#include <sstream>

#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

constexpr const char* kUtf8Mark = "\xef\xbb\xbf";
constexpr const char* kUtf16Marks[] = {"\xff\xfe", "\xfe\xff"};

std::string read_text(const std::string& path, int64_t most_bytes) {
  File file = File::open_for_reading(path);
  if (file.size() > most_bytes)
    fail(ErrorKind::data, path, ": is ", file.size(), " bytes long, more than the ", most_bytes,
         " that are read of such a text");
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  for (const char* mark : kUtf16Marks)
    if (text.starts_with(mark))
      fail(ErrorKind::data, path, ": is text in UTF-16; save it as UTF-8");
  if (text.starts_with(kUtf8Mark)) text.erase(0, std::string(kUtf8Mark).size());
  return text;
}

}  // namespace

std::vector<TextLine> read_text_lines(const std::filesystem::path& file, int64_t most_bytes) {
  std::istringstream stream(read_text(file.string(), most_bytes));
  std::vector<TextLine> lines;
  int64_t number = 0;
  for (std::string text; std::getline(stream, text);) {
    ++number;
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (!text.empty()) lines.push_back({number, std::move(text)});
  }
  return lines;
}

}  // namespace amcl
