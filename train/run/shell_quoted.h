// Paths and values inside commands that messages propose, so that they can be pasted into a shell.
#pragma once
#include <string>

namespace amcl {

// `text` as one word of a POSIX shell: as it is where that is safe, else in single quotes.
std::string shell_quoted(const std::string& text);

}  // namespace amcl
