// The table of settings in parts; config_schema.cpp puts them together.
#pragma once
#include <vector>

#include "train/config/config_schema.h"

// The place of a member as a function, for the table.
#define AMCL_FIELD(member) +[](Config& config) -> ConfigField { return &config.member; }

namespace amcl {

std::vector<Setting> data_settings();
std::vector<Setting> model_settings();
std::vector<Setting> objective_settings();
std::vector<Setting> optimizer_settings();
std::vector<Setting> train_settings();

}  // namespace amcl
