// One training step: forward, loss, backward, clip, update.
//
// It is a fixed program of device work between two moments at which the host has a part: before it,
// prepare_step() writes what differs from the last step (rates, number, random draws, warm-up) to
// device memory; after it, StepReading fetches the numbers. Nothing between reads back, so that
// launch_step() can be recorded once and replayed (engine/backend/step_graph.h).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/nn/parameter_arena.h"
#include "engine/optimizer/optimizer.h"
#include "models/methods/method.h"

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

// What changes from step to step.
struct StepNumbers {
  int64_t number = 1;               // of the step in the run, from 1
  int64_t steps = 1;                // of the whole run
  double rate = 0.0;                // learning rate
  std::optional<double> peak = {};  // rate of what the schedule leaves alone; none: `rate`
  // Of adaptive temperatures that warm up (Method::set_temperature_warmup); none: they do not.
  std::optional<double> temperature_warmup = {};
};

// What does not.
struct StepOptions {
  // Image pairs that go through the encoder at once; 0: all. Loss and gradient are those of the
  // whole batch, but for batch-norm statistics, which are those of each part.
  int64_t micro_batch = 0;
  ForwardContext context = {};
};

// What a step leaves on the device.
struct StepOutputs {
  Tensor
      numbers;  // [2 + C] or [2 + C + C kPairStatistics] f64: loss, squared norm of the gradient,
                // loss per head, statistics
  int64_t heads = 0;
  Projections projections;
  Tensor features;
};

// The host's part before a step.
void prepare_step(Method& method, Optimizer& optimizer, const StepNumbers& numbers);

// Work of the device only. images [V N, H, W, 3], view after view (Method::views). If the
// loss or the gradient is not finite, weights, optimiser and queue stay as they are, at later steps
// too (Optimizer::step).
StepOutputs launch_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                        const Tensor& images, const StepOptions& options);

// The numbers of a step on their way to the host.
class StepReading {
 public:
  // To be made before more work is given to the device; `outputs` may be overwritten by what comes
  // after. All must outlive the reading.
  StepReading(const StepOutputs& outputs, const StepNumbers& numbers);

  // Waits. Of a loss or gradient that is not finite throws Error(numeric) naming the objective, the
  // step, the range of the temperatures and the largest |logit|, and lets the optimiser go on: the
  // weights are then as they were before the step (spec S8.6).
  StepResult wait(const Method& method, Optimizer& optimizer);

 private:
  StepNumbers numbers_;
  int64_t heads_;
  int64_t count_;
  std::unique_ptr<PendingRead> read_;
};

// All of it at once.
StepResult training_step(Method& method, ParameterArena& arena, Optimizer& optimizer,
                         const Tensor& images, const StepNumbers& numbers,
                         const StepOptions& options);

}  // namespace amcl
