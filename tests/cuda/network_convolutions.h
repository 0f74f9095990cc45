// The convolutions of the networks at the shapes that are measured.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/shape.h"

namespace amcl::test {

struct NetworkConvolution {
  Shape x;
  Shape w;
  Shape y;
  Conv2dSpec spec;
  bool of_images = false;  // whose gradient nobody asks for
  int64_t times = 1;       // in one forward pass

  bool operator==(const NetworkConvolution&) const = default;
};

struct MeasuredNetwork {
  std::string backbone;
  std::string stem;
  int64_t size = 0;    // pixels
  int64_t images = 0;  // of a step: two of each pair
};

// What tools/bench/gpu.sh measures, and ResNet-34.
const std::vector<MeasuredNetwork>& measured_networks();

// Those of one forward pass, in order, each shape once.
const std::vector<NetworkConvolution>& convolutions_of(const MeasuredNetwork& network);

}  // namespace amcl::test
