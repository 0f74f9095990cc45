// `amcl augment --data DIR --grid FILE.png`: what training sees.
#pragma once
#include <cstdint>
#include <string>

#include "train/config/config.h"

namespace amcl {

struct AugmentOptions {
  std::string grid;   // PNG to write
  int64_t views = 8;  // of each image
};

// Writes the picture and prints to stdout one JSON object per view with the parameters drawn.
// Returns the exit code 0 or throws Error.
int run_augment(const Config& config, const AugmentOptions& options);

}  // namespace amcl
