#include "train/config/precision.h"

#include "engine/backend/device_name.h"

namespace amcl {

std::string precision_of(const TrainConfig& config) {
  if (config.precision) return *config.precision;
  return parse_device_name(config.device).backend == "cuda" ? "bf16" : "f32";
}

}  // namespace amcl
