// What a run that goes on must have in common with the one that was started.
#pragma once
#include <optional>
#include <string>

#include "data/dataset.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/run_directory.h"
#include "train/config/config.h"

namespace amcl {

// Refuses other settings than the run's, `started`, with Error(usage), which gives the command of a
// new run that has them. The place of the data may be another one; check_data() looks at what is
// there. `checkpoint`: from which the run goes on; null where it has none yet.
void check_config(const Config& started, const Config& config, const RunDirectory& directory,
                  const Checkpoint* checkpoint);

// Refuses other images than those of the checkpoint, or views of another size, with Error(data).
void check_data(const Checkpoint& checkpoint, const Dataset& dataset, const Config& config);

}  // namespace amcl
