#include "train/config/toml_limits.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr size_t kMostBytes = size_t{256} << 10;
constexpr int64_t kMostDots = 7;
constexpr int64_t kMostBrackets = 8;

// The place after the string that begins at `begin` with a quote. One that does not end is the
// parser's to refuse, which stops there.
size_t end_of_string(std::string_view text, size_t begin) {
  const char quote = text[begin];
  const std::string three(3, quote);
  const bool lines = text.substr(begin).starts_with(three);
  const std::string_view mark = lines ? std::string_view(three) : text.substr(begin, 1);
  for (size_t at = begin + mark.size(); at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text.substr(at).starts_with(mark)) {
      at += mark.size();
      // Up to two quotes may stand before the three that end it.
      while (lines && at < text.size() && text[at] == quote) ++at;
      return at;
    } else if (text[at] == '\n' && !lines) {
      return at;
    }
  }
  return text.size();
}

}  // namespace

void check_toml_limits(const std::string& text, const std::string& name) {
  if (text.size() > kMostBytes)
    fail(ErrorKind::usage, name, ": ", text.size(), " bytes are more than the ", kMostBytes >> 10,
         " KiB that a configuration may have");
  int64_t line = 1;
  int64_t dots = 0;  // of a key or number
  int64_t brackets = 0;
  for (size_t at = 0; at < text.size();) {
    const char character = text[at];
    if (character == '"' || character == '\'') {
      const size_t end = end_of_string(text, at);
      line += std::count(text.begin() + static_cast<int64_t>(at),
                         text.begin() + static_cast<int64_t>(end), '\n');
      at = end;
      continue;
    }
    if (character == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (character == '\n') ++line;
    if (character == '.') ++dots;
    if (character == '[' || character == '{') ++brackets;
    if (character == ']' || character == '}') --brackets;
    if (std::string_view("\n=,[{").find(character) != std::string_view::npos) dots = 0;
    if (dots > kMostDots)
      fail(ErrorKind::usage, name, ':', line, ": a key of more than ", kMostDots + 1,
           " dotted parts; a setting has two, such as optimizer.lr");
    if (brackets > kMostBrackets)
      fail(ErrorKind::usage, name, ':', line, ": more than ", kMostBrackets,
           " brackets within each other; a setting is a number, text, switch or list");
    ++at;
  }
}

}  // namespace amcl
