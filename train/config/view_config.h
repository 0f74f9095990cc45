// The settings whose usual value depends on the size of the views, which is known once the data are
// open.
#pragma once
#include <string>
#include <vector>

#include "data/decode/decode.h"
#include "train/config/config.h"

namespace amcl {

// The configuration with the stem `auto` and an empty blur set to what suits the views: up to 64
// pixels the stem of CIFAR and no blur, above that of ImageNet and SimCLR's blur.
Config with_views(const Config& config, const ImageExtent& view);

// What was chosen where `given` leaves the choice, and why, one line each: "--stem imagenet: ...".
// `chosen` is with_views and completed.
std::vector<std::string> describe_choices(const Config& given, const Config& chosen,
                                          const ImageExtent& view);

}  // namespace amcl
