// The linear probe: softmax regression on fixed features, standardised with the training set's
// statistics. SGD (momentum 0.9, no decay, batch 256, 100 epochs, cosine) with the learning rate
// that does best on a held-out tenth of the training set; then all of it is trained on.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

inline constexpr std::array<double, 5> kLinearProbeRates = {0.01, 0.03, 0.1, 0.3, 1.0};

struct LinearProbeOptions {
  int64_t epochs = 100;
  int64_t batch = 256;
  double momentum = 0.9;
  uint64_t seed = 1;  // of the order of the images
};

struct LinearProbeResult {
  double rate = 0.0;  // chosen
  // Top-1 percent on the tenth, of each of kLinearProbeRates; the lowest of equal ones is chosen.
  std::array<double, kLinearProbeRates.size()> held_out_top1 = {};
  std::vector<int32_t> predictions;  // of the test images
};

// train [n, D], test [m, D], both f32; labels in [0, classes). The same bits for the same input and
// threads. Throws Error(usage) if there are too few training images to hold some out.
LinearProbeResult linear_probe(const Tensor& train, std::span<const int32_t> train_labels,
                               const Tensor& test, int64_t classes,
                               const LinearProbeOptions& options = {});

// Whether a training image is held out while the rate is chosen: a tenth of all indices, by a hash.
bool is_held_out(int64_t index);

}  // namespace amcl
