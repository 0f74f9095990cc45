// How a setting is called: on the command line, in a file, in the environment.
#pragma once
#include <string>

#include "engine/core/setting.h"

namespace amcl {

// "crop_scale" -> "--crop-scale"
std::string flag_of(const std::string& key);
// "[augment] crop_scale"
std::string config_name_of(const Setting& setting);
// "AMCL_AUGMENT_CROP_SCALE"
std::string environment_name_of(const Setting& setting);

}  // namespace amcl
