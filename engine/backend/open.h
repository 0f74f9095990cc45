// Backends by name. The only place that knows which ones exist is open.cpp.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {

struct BackendOptions {
  std::string conv_algorithm = "auto";  // of cpu, below
  bool deterministic = false;           // of cuda: only algorithms that repeat to the bit
  bool tf32 = false;  // of cuda: convolutions of f32 may round their inputs to 11 bits of mantissa
};

// "cpu" (oneDNN and vectorised kernels), "plain" (readable loops: the definition), "cuda" or "cuda:N"
// (GPU number N; 0 if not given). Throws Error(usage) for another name, with the list, and Error(device) where the backend cannot run on
// this machine, with the reason, and Error(usage) for an option that the backend has not.
std::unique_ptr<Backend> open_backend(const std::string& name, const BackendOptions& options = {});

std::vector<std::string> backend_names();
// "auto" (a rule on shapes and CPU features), "direct" (never Winograd), "winograd" (for all 3 x 3
// windows of stride 1).
std::vector<std::string> conv_algorithm_names();

struct BackendDescription {
  std::string name;
  std::string description;        // one line: libraries and devices found, or why there are none
  std::string convolutions = {};  // one line: the algorithms in use, where there are several
};
std::vector<BackendDescription> describe_backends();

}  // namespace amcl
