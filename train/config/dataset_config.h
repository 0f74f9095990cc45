// The settings of the data as what data/dataset.h takes.
#pragma once
#include "data/dataset.h"
#include "train/config/config.h"

namespace amcl {

DatasetOptions dataset_options(const Config& config);

}  // namespace amcl
