// `amcl evaluate RUN|CHECKPOINT --data DIR`: what the features of a model are worth.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amcl {

struct EvaluateOptions {
  std::string run;   // run directory or checkpoint file; may be empty with features = "pixels"
  std::string data;  // directory or "shapes10"; empty: the data of the run
  std::vector<std::string> protocol = {"knn"};  // knn, linear
  int64_t k = 200;
  double knn_temperature = 0.1;
  int64_t limit = 0;  // first N training images are the bank; 0: all
  std::string device = "cpu";
  int64_t threads = 0;                // 0: all cores
  bool json = false;                  // one object on stdout instead of text
  std::string neighbours;             // PNG to write; empty: none
  std::string features = "backbone";  // backbone | pixels
  bool random_init = false;           // the same architecture, untrained
};

// Prints to stdout; progress and notes go to stderr. Returns the exit code 0 or throws Error.
int run_evaluate(const EvaluateOptions& options);

}  // namespace amcl
