// Softmax regressions side by side that differ in their learning rates only, as one linear layer: a
// step of all of them costs little more than a step of one. Nothing reaches the features' encoder.
#pragma once
#include <span>
#include <vector>

#include "engine/nn/parameter_arena.h"

namespace amcl {

class SoftmaxRegressions {
 public:
  // One for each rate, all weights 0.
  SoftmaxRegressions(Backend& backend, std::span<const double> rates, int64_t features,
                     int64_t classes);

  // A step of SGD with momentum on the mean loss over x [n, D] f32 with n labels, each regression
  // at its rate times `factor`.
  void step(const Tensor& x, std::span<const int32_t> labels, double factor, double momentum);
  // The classes of the rows of x by regression `which`.
  std::vector<int32_t> predict(const Tensor& x, int64_t which) const;

  // For checkpoints: weights [rates, K, D] and biases, and their momentum.
  Tensor& values() { return arena_.values(); }
  Tensor& velocity() { return velocity_; }

 private:
  Backend& backend_;
  int64_t count_;
  int64_t classes_;   // K
  Parameter weight_;  // [count K, D]
  Parameter bias_;    // [count K]
  ParameterArena arena_;
  Tensor velocity_;
  Tensor rate_;  // [1]
  Tensor one_;   // [1]
  std::vector<OptimizerSegment> segments_;
};

}  // namespace amcl
