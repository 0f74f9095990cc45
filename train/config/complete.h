// The settings whose usual value depends on the images, which is known once they are open.
#pragma once
#include <string>
#include <vector>

#include "data/image_files.h"
#include "train/config/config_resolve.h"

namespace amcl {

// The configuration with what was left to the images of `view` decided: the stem, the blur, and the
// number of classes that a classifier tells apart.
Config complete(const Config& config, const ImageExtent& view, int64_t classes = 0);
// The same in a run that goes on, as it was decided when it was `started`.
Config complete_as(const Config& config, const Config& started);

// What was chosen where nothing was said, and why, one line each: "--stem imagenet: ...".
std::vector<std::string> describe_choices(const ResolvedConfig& given, const Config& completed,
                                          const ImageExtent& view);

}  // namespace amcl
