// Whether a checkpoint is intact and its model still computes what it did.
#pragma once
#include <cstdint>
#include <string>

#include "engine/backend/backend.h"

namespace amcl {

struct Verification {
  std::string model;    // "resnet18 of width 16, 3 heads"
  int64_t tensors = 0;  // in the file
  int64_t bytes = 0;
  std::string crc;
  int64_t epoch = 0;
  int64_t step = 0;
  uint64_t seed = 0;
  std::string commit;  // of the program that wrote it
  int64_t probe_images = 0;
  int64_t threads = 0;              // that the features were computed with, then and now
  bool same_bits = false;           // features reproduced exactly
  double largest_difference = 0.0;  // of features, as a share of the largest one
};

// The largest difference that still counts as reproduced: what another kernel or instruction set
// makes of f32 arithmetic (spec S12).
inline constexpr double kProbeTolerance = 1e-4;

// Reads the file, builds the model of its configuration, loads weights and optimiser strictly and
// computes the features of the stored probe with the stored number of threads, or with `threads` if
// it is not 0. Throws Error(data) naming what does not hold.
Verification verify_checkpoint(const std::string& path, Backend& backend, int64_t threads);

}  // namespace amcl
