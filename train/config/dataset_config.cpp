#include "train/config/dataset_config.h"

#include <algorithm>

#include "data/views/augment_policy.h"

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

DatasetOptions dataset_options(const Config& config) {
  const DataConfig& data = config.data;
  return {.layout = data.layout,
          .size = data.size,
          .val_fraction = data.val_fraction,
          .skip_bad_images = data.on_error == "skip",
          .error_limit = data.error_limit,
          .reduce_decoding = data.reduce_decoding,
          .interpolation = interpolation_named(config.augment.interpolation),
          .mean = as_floats(data.mean),
          .deviation = as_floats(data.deviation)};
}

}  // namespace amcl
