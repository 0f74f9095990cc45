// The checkpoint that a run directory stands for, also where the newest one is damaged.
#pragma once
#include <functional>
#include <string>

#include "train/checkpoint/checkpoint.h"

namespace amcl {

// Reads `path`: a checkpoint file, or the newest intact checkpoint of a run directory. `warn` is given
// one line if damaged ones were passed over, which names them, the one in their place, and how many
// steps that lacks. Throws Error(missing) if nothing is there, and the error of the newest one if none
// is intact.
Checkpoint read_intact_checkpoint(const std::string& path,
                                  const std::function<void(const std::string&)>& warn);

}  // namespace amcl
