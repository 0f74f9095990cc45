// What a configuration cannot need, refused before the parser sees it: its work and its recursion
// grow with the text.
#pragma once
#include <string>

namespace amcl {

// Throws Error(usage) with `name` and line for a text above 256 KiB, a key of more than 8 dotted
// parts, or more than 8 brackets within each other.
void check_toml_limits(const std::string& text, const std::string& name);

}  // namespace amcl
