// Runs golden files: each against plain f64, plain f32 and the cpu backend.
#pragma once
#include <string>
#include <vector>

#include "tests/golden/golden_case.h"

namespace amcl {

// What kinds of files there are; each computes the case and compares. They throw GoldenFailure on a
// difference or something unknown, and let the library's refusals (Error) through. The two that
// return a flag answer whether they know the case.
void run_objective(GoldenCase& golden, const std::string& objective);  // key `objective`
bool run_operation(GoldenCase& golden, const std::string& name);       // key `case`: conv2d, ...
bool run_training(GoldenCase& golden, const std::string& name);        // optimisers, schedule, ...
void run_model(GoldenCase& golden);                                    // key `case`: model_*

struct GoldenReport {
  int64_t files = 0;
  int64_t passed = 0;
  std::vector<std::string> failures;  // "name [plain f32]: what is wrong"

  int64_t failed() const { return files - passed; }
};

// Every .safetensors file in `directory`, by name. A file passes if it passes in every run; the
// first failure of a file is reported. A directory that is missing or has no such file is a failure.
GoldenReport run_goldens(const std::string& directory, std::span<const GoldenRun> runs);

}  // namespace amcl
