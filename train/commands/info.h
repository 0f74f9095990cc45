// `amcl info`: the program, its libraries, and what it finds on this machine.
#pragma once
#include <string>

namespace amcl {

// What --version prints: version, commit, libraries, devices.
std::string version_text();

// Prints to stdout, as text or as one JSON object.
void run_info(bool json);

}  // namespace amcl
