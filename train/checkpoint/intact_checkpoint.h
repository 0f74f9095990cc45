// The checkpoint that a run directory stands for, also where the newest one is damaged.
#pragma once
#include <functional>
#include <string>

#include "train/checkpoint/checkpoint.h"

namespace amcl {

// Reads `path`: a checkpoint file, or the newest intact checkpoint of a run directory. If damaged
// ones are passed over, `warn` gets a line that names them, the one in their place and the steps
// that are lost. Error(missing) if nothing is there; the error of the newest one if none is intact.
Checkpoint read_intact_checkpoint(const std::string& path,
                                  const std::function<void(const std::string&)>& warn);

}  // namespace amcl
