// The door to the CPU backend: oneDNN and vectorised kernels over the plain definitions.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace amcl {

enum class ConvAlgorithm : uint8_t {
  automatic,  // by the rule in conv.cpp
  direct,     // that rule without Winograd
  winograd,   // for every convolution of its form, even where the rule finds that it does not pay
};

std::unique_ptr<Backend> open_cpu_backend(ConvAlgorithm conv_algorithm);

// One line for `amcl info`: oneDNN's version and the instruction set in use.
std::string describe_cpu();
// Another: which algorithms the rule chooses from on this CPU.
std::string describe_cpu_convolutions();

}  // namespace amcl
