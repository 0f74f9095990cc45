// The methods by name and the usual value of each key that depends on the method.
#pragma once
#include <string>
#include <vector>

#include "train/config/config.h"

namespace amcl {

// simclr, moco, barlow, simsiam.
const std::vector<std::string>& method_names();

// Whether the method compares images with others: the forms of AMCL besides `amcl`, and constant
// temperatures, have a meaning for these only.
bool is_contrastive(const std::string& method);

// Whether adaptive temperatures have been level with the best fixed one or better
// (tools/study/REPORT.md), so that they are what is usual.
bool gains_by_adapting(const std::string& method);

// The configuration with each empty key of [model], of [objective] but for those of adaptive
// temperatures, and of rate and clipping set to what is usual for its method and form; keys of other methods
// stay empty.
Config with_method(const Config& config);

}  // namespace amcl
