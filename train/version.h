// Which program this is.
#pragma once
#include <string>

namespace amcl {

// "0.1.0"
std::string program_version();
// The commit it was built from, twelve digits; "unknown" if it was not built from a repository.
std::string program_commit();
// What --version prints: version and commit, then a line for each backend.
std::string version_text();

}  // namespace amcl
