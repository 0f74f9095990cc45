// Errors. AMCL_CHECK(condition, parts...) throws Error(usage) if the condition fails; fail(kind,
// parts...) throws unconditionally. The parts are streamed in order: the op or thing, the rule,
// what was given. One sentence a user can act on. (A stream fold because std::format is missing
// from GCC 12.)
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace amcl {

// What went wrong, as train/main.cpp maps it to an exit code.
enum class ErrorKind {
  usage,     // 2: a flag, key, value or shape that cannot be
  data,      // 65: content of a file is not what it must be
  missing,   // 66: an input that is not there
  io,        // 74: reading or writing failed, disk full
  device,    // 1: the device or a library refused
  numeric,   // 1: a loss or gradient that is not finite
  internal,  // 1: a broken invariant of ours
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string where = {})
      : std::runtime_error(message), kind_(kind), where_(std::move(where)) {}

  ErrorKind kind() const { return kind_; }
  // The failed condition and its place in the source; empty for errors that the user's input
  // caused.
  const std::string& where() const { return where_; }

 private:
  ErrorKind kind_;
  std::string where_;
};

template <class... Parts>
std::string concat_text(const Parts&... parts) {
  std::ostringstream message;
  message.exceptions(std::ios::badbit);  // else a stream without memory ends the text in silence
  (message << ... << parts);
  return message.str();
}

template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, concat_text(parts...));
}

namespace detail {
template <class... Parts>
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const Parts&... parts) {
  throw Error(ErrorKind::usage, concat_text(parts...),
              concat_text(condition, " at ", file, ':', line));
}
}  // namespace detail

}  // namespace amcl

#define AMCL_CHECK(condition, ...)                                               \
  do {                                                                           \
    if (!(condition)) [[unlikely]]                                               \
      ::amcl::detail::check_failed(#condition, __FILE__, __LINE__, __VA_ARGS__); \
  } while (false)
