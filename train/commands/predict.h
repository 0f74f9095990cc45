// What `amcl predict` does.
#pragma once
#include <cstdint>
#include <string>

namespace amcl {

struct PredictOptions {
  std::string encoder;          // run directory or checkpoint of amcl finetune
  std::string data;             // directory, file, or "shapes10"
  std::string layout = "auto";  // of the data, as the next
  std::string split = "train";
  int64_t limit = 0;              // first N images; 0: all
  int64_t top = 1;                // classes for each image
  std::string out;                // empty: stdout
  std::string format;             // tsv | json; empty: by the ending of `out`, else tsv
  std::string on_error = "stop";  // stop | skip: a line without classes
  int64_t error_limit = 100;
  bool overwrite = false;
  std::string device = "cpu";
  int64_t threads = 0;
};

// Returns the exit code. Throws what opening the encoder and the images throws.
int run_predict(const PredictOptions& options);

}  // namespace amcl
