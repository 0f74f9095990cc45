// `amcl verify RUN|CHECKPOINT`: is a checkpoint intact, and does the model still compute what it
// did?
#pragma once
#include <cstdint>
#include <string>

namespace amcl {

struct VerifyRunOptions {
  std::string run;  // run directory (all its checkpoints are checked) or checkpoint file
  std::string device = "cpu";
  int64_t threads = 0;  // 0: all cores
};

// Prints what was checked to stdout. Returns 0; or throws Error(data), once all were checked,
// naming what does not hold.
int run_verify(const VerifyRunOptions& options);

}  // namespace amcl
