// SGD, LARS and AdamW over the flat memory of a ParameterArena, with decay by role and clipping of
// the gradient norm. A step is one kernel behind the seam (kernel_table.h), whatever the number of
// tensors.
//
//   sgd    d = g + decay p;  v = momentum v + d;  p -= rate v, or rate (d + momentum v) if nesterov
//   lars   d as above times a ratio of norms, per tensor; then as sgd (You, Gitman, Ginsburg, "Large
//          batch training of convolutional networks", 2017)
//   adamw  moments of g with bias correction; decay apart from them (Loshchilov, Hutter, "Decoupled
//          weight decay regularization", ICLR 2019)
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/nn/parameter_arena.h"
#include "engine/optimizer/optimizer_options.h"

namespace amcl {

// State in the layout of the arena, by the name that the rule gives it.
struct OptimizerMemory {
  std::string name;
  Tensor flat;  // [n]
};

class Optimizer {
 public:
  // The arena must outlive the optimiser.
  Optimizer(ParameterArena& arena, const OptimizerOptions& options);

  // Before a step, on the host: what differs from the last one goes to device memory. `number`
  // counts the steps of the run from 1, for adamw's bias correction. `peak` is the rate of
  // parameters that the schedule leaves alone (Parameter::constant_rate); none: `rate`.
  void prepare(double rate, int64_t number, std::optional<double> peak = std::nullopt);
  // Work of the device only: measures the norm of all gradients, clips them to it (in the same pass
  // as the update, they are not rewritten) and moves the values. If the norm or `loss` [1] is not
  // finite, neither this step nor a later one changes anything until reset_gate().
  void step(const Tensor& loss);
  // [1], after step(): the sum of the squared gradients before clipping, and what they are scaled
  // with, or not a number (engine/backend/step_gate.h).
  const Tensor& gradient_squares() const { return squares_; }
  const Tensor& gate() const { return gradient_scale_; }
  // Lets steps change values again after one that was not finite.
  void reset_gate();

  // Handles of the state.
  std::vector<OptimizerMemory> memories() const;

 private:
  ParameterArena& arena_;
  OptimizerOptions options_;
  std::vector<OptimizerSegment> scheduled_;
  std::vector<OptimizerSegment> constant_;  // Parameter::constant_rate
  std::vector<Tensor> memories_;            // [n] each
  Tensor rates_;           // [3]: rates of scheduled_ and of constant_, number of the step
  Tensor squares_;         // [1], sum of the squared gradients
  Tensor gradient_scale_;  // [1]
};

}  // namespace amcl
