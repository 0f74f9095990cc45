// The checkpoint that a run directory stands for, also where one is damaged.
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

// The one that the run is worth most by: of a run that has chosen one by held-out labels, best.safetensors;
// else, or where that is damaged, the same as above.
Checkpoint read_best_checkpoint(const std::string& path,
                                const std::function<void(const std::string&)>& warn);

}  // namespace amcl
