// What is wrong with a configuration, as data: who reports it knows where the value came from.
#pragma once
#include <optional>
#include <string>

#include "train/config/config_schema.h"

namespace amcl {

struct ConfigComplaint {
  const Setting* setting;
  std::string value;
  std::string what;  // "must be at least 2"
};

// The first value, in the order of the schema, that is out of range by itself or against another.
std::optional<ConfigComplaint> first_complaint(const Config& config);

}  // namespace amcl
