// SGD with momentum, weight decay and clipping of the gradient norm, over the flat memory of a
// ParameterArena.
#pragma once
#include <vector>

#include "engine/nn/parameter_arena.h"

namespace amcl {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 0.0;
  bool decay_norm_bias = true;  // whether norms and biases are decayed too
  double clip_norm = 0.0;       // largest L2 norm of all gradients together; 0: no clipping
};

class SgdOptimizer {
 public:
  // The arena must outlive the optimiser.
  SgdOptimizer(ParameterArena& arena, const SgdOptions& options);

  // The L2 norm of all gradients, on the host; to be called once per step, before step().
  double measure_gradient_norm();
  // Clips the gradients to the norm measured last (in the same pass, they are not rewritten) and
  // moves the values.
  void step(double rate);

  Tensor& velocity() { return velocity_; }  // [n], in the layout of the arena

 private:
  ParameterArena& arena_;
  SgdOptions options_;
  std::vector<OptimizerSegment> segments_;
  Tensor velocity_;
  Tensor rate_;            // [1]
  Tensor squares_;         // [1], sum of the squared gradients
  Tensor gradient_scale_;  // [1]
};

}  // namespace amcl
