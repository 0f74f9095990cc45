// The door to the CPU backend: oneDNN and vectorised kernels over the plain definitions.
#pragma once
#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace amcl {

std::unique_ptr<Backend> open_cpu_backend();

// One line for `amcl info`: oneDNN's version and the instruction set in use.
std::string describe_cpu();

}  // namespace amcl
