// SGD, LARS and AdamW over the flat memory of a ParameterArena, with decay by role and clipping of
// the gradient norm. A step is one kernel behind the seam (backend.h), whatever the number of
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
#include <variant>
#include <vector>

#include "engine/nn/parameter_arena.h"

namespace amcl {

struct OptimizerOptions {
  std::variant<SgdSpec, LarsSpec, AdamWSpec> rule = SgdSpec{};
  double weight_decay = 0.0;
  bool decay_norm_bias = true;  // whether norms and biases are decayed too
  double norm_bias_rate = 1.0;  // factor on the learning rate of norms and biases
  double clip_norm = 0.0;       // largest L2 norm of all gradients together; 0: no clipping
};

// State in the layout of the arena, by name: "velocity" of sgd and lars, "first_moment" and
// "second_moment" of adamw.
struct OptimizerMemory {
  std::string name;
  Tensor flat;  // [n]
};

class Optimizer {
 public:
  // The arena must outlive the optimiser.
  Optimizer(ParameterArena& arena, const OptimizerOptions& options);

  // The L2 norm of all gradients, on the host; to be called once per step, before step().
  double measure_gradient_norm();
  // Clips the gradients to the norm measured last (in the same pass, they are not rewritten) and
  // moves the values. `number` counts the steps of the run from 1, for adamw's bias correction.
  // `peak` is the rate of parameters that the schedule leaves alone (Parameter::constant_rate);
  // none: `rate`.
  void step(double rate, int64_t number, std::optional<double> peak = std::nullopt);

  std::span<OptimizerMemory> memories() { return memories_; }

 private:
  using Segments = std::span<const OptimizerSegment>;

  // The part of the update that differs between the rules, at rate_.
  void apply(const SgdSpec& spec, Segments segments, int64_t number);
  void apply(const LarsSpec& spec, Segments segments, int64_t number);
  void apply(const AdamWSpec& spec, Segments segments, int64_t number);

  ParameterArena& arena_;
  OptimizerOptions options_;
  std::vector<OptimizerSegment> scheduled_;
  std::vector<OptimizerSegment> constant_;  // Parameter::constant_rate
  std::vector<OptimizerMemory> memories_;
  Tensor rate_;            // [1]
  Tensor squares_;         // [1], sum of the squared gradients
  Tensor gradient_scale_;  // [1]
  Tensor number_;          // [1] i32
};

}  // namespace amcl
