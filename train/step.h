// One training step: forward, loss, backward, clip, update.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/nn/parameter_arena.h"
#include "models/method.h"
#include "train/optimizer.h"

namespace amcl {

struct StepResult {
  double loss = 0.0;             // nats, summed over heads
  std::vector<double> per_head;  // [C]
  double gradient_norm = 0.0;    // before clipping
  std::vector<double>
      statistics;           // [C, kPairStatistics] (op_specs.h); empty where the objective has none
  Projections projections;  // as the loss read them, before the update
  Tensor features;          // of the backbone, which they were made from (Method)
};

struct StepOptions {
  int64_t number = 1;               // of the step in the run, from 1
  double rate = 0.0;                // learning rate
  std::optional<double> peak = {};  // rate of what the schedule leaves alone; none: `rate`
  // Image pairs that go through the encoder at once; 0: all. Loss and gradient are those of the whole
  // batch, but for batch-norm statistics, which are those of each part.
  int64_t micro_batch = 0;
  ForwardContext context;
};

// images [2N, H, W, 3]: rows 0..N-1 view 1, rows N..2N-1 view 2. A loss or gradient that is not
// finite throws Error(numeric) naming the objective, the step, the range of the temperatures and
// the largest |logit|; the weights are then as they were (spec S8.6).
StepResult training_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                         const Tensor& images, const StepOptions& options);

}  // namespace amcl
