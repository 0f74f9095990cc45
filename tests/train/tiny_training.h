// Runs small enough for tests: a narrow ResNet-18 on a few small random images.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "engine/core/philox.h"
#include "train/config/config_resolve.h"
#include "train/config/setting_value.h"

namespace amcl::test {

inline Dataset random_dataset(Device& device, int64_t count, int64_t side) {
  RandomStream random(7, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<uint8_t> values(static_cast<size_t>(count * side * side * 3));
  for (uint8_t& value : values) value = static_cast<uint8_t>(random.below(256));
  Dataset dataset;
  dataset.name = "random images";
  dataset.images =
      Tensor::from_host(device, Shape{count, side, side, 3}, std::span<const uint8_t>(values));
  dataset.normalization = {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.29F, 0.29F, 0.29F}};
  return dataset;
}

using Settings = std::map<std::string, std::string>;  // by key

// The configuration of a command line with these flags.
inline Config config_with(const Settings& settings) {
  return resolve_config({.flags = {settings.begin(), settings.end()}}).config;
}

// With changes that leave method, temperature, optimiser and schedule as they are.
inline void set(Config& config, const Settings& settings) {
  for (const auto& [key, value] : settings) set_value(config, key, value);
}

inline Config tiny_config(Settings changes = {}) {
  changes.merge(Settings{{"width", "4"},
                         {"stem", "cifar"},
                         {"heads", "2"},
                         {"head_hidden", "16"},
                         {"head_dim", "8"},
                         {"temperature", "adaptive"},
                         {"batch", "8"},
                         {"epochs", "2"},
                         {"log_every", "1"}});
  return config_with(changes);
}

// As small for every method, plain or with adaptive temperatures.
inline Config tiny_config(const std::string& method, const std::string& temperature,
                          Settings changes = {}) {
  changes.merge(Settings{{"method", method}, {"temperature", temperature}});
  if (method == "simsiam" || method == "byol") changes.merge(Settings{{"predictor_hidden", "4"}});
  if (method == "moco") changes.merge(Settings{{"queue", "24"}, {"bn_splits", "2"}});
  return tiny_config(std::move(changes));
}

inline constexpr const char* kMethods[] = {"simclr", "moco", "barlow", "simsiam", "byol", "lejepa"};

// The temperatures that a method can have.
inline std::vector<const char*> temperatures_of(const std::string& method) {
  if (!method_traits(method).has_amcl) return {"fixed"};
  return {"fixed", "adaptive"};
}

}  // namespace amcl::test
