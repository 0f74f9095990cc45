// `amcl evaluate RUN|CHECKPOINT --data DIR`: what the features of a model are worth.
#pragma once
#include <cstdint>
#include <string>

#include "train/evaluation/evaluation.h"

namespace amcl {

struct EvaluateOptions : EvaluationOptions {
  std::string device = "cpu";
  int64_t threads = 0;     // 0: all cores
  bool json = false;       // one object on stdout instead of text
  std::string neighbours;  // PNG to write; empty: none
};

// Prints to stdout; notes go to stderr. Returns the exit code 0 or throws Error.
int run_evaluate(const EvaluateOptions& options);

}  // namespace amcl
