#include "train/config/dataset_config.h"

#include <algorithm>

namespace amcl {
namespace {

std::optional<std::array<float, 3>> as_floats(const std::optional<std::array<double, 3>>& values) {
  if (!values) return std::nullopt;
  std::array<float, 3> floats{};
  std::transform(values->begin(), values->end(), floats.begin(),
                 [](double value) { return static_cast<float>(value); });
  return floats;
}

}  // namespace

DatasetOptions dataset_options(const DataConfig& config) {
  return {.layout = config.layout,
          .size = config.size,
          .val_fraction = config.val_fraction,
          .skip_bad_images = config.on_error == "skip",
          .error_limit = config.error_limit,
          .reduce_decoding = config.reduce_decoding,
          .mean = as_floats(config.mean),
          .deviation = as_floats(config.deviation)};
}

}  // namespace amcl
