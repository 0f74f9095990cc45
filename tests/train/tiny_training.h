// Runs small enough for tests: a narrow ResNet-18 on a few small random images.
#pragma once
#include <vector>

#include "data/dataset.h"
#include "engine/core/philox.h"
#include "train/config/config.h"

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

inline Config tiny_config() {
  Config config;
  config.model.width = 4;
  config.model.stem = "cifar";
  config.model.heads = 2;
  config.model.head_hidden = 16;
  config.model.head_dim = 8;
  config.objective.temperature = "adaptive";
  config.train.batch = 8;
  config.train.epochs = 2;
  config.train.log_every = 1;
  return config;
}

// As small for every method, plain or with adaptive temperatures.
inline Config tiny_config(const std::string& method, const std::string& temperature) {
  Config config = tiny_config();
  config.model.method = method;
  config.objective.temperature = temperature;
  if (method == "simsiam") config.model.predictor_hidden = 4;
  if (method != "moco") return config;
  config.model.queue = 24;
  config.model.bn_splits = 2;
  return config;
}

inline constexpr const char* kMethods[] = {"simclr", "moco", "barlow", "simsiam"};

}  // namespace amcl::test
