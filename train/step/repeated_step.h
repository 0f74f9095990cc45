// The training step of a run, made again and again: launched anew or replayed (StepGraph).
//
// Where the device works on while the host does something else, the host runs ahead by one step:
// the numbers of a step are read while the next one is under way, so that the device never waits. A
// step that fails is therefore reported when the step after it was given to the device, which
// changes nothing then (Optimizer::step). On other devices a step is read at once.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "engine/backend/step_graph.h"
#include "train/step/step.h"

namespace amcl {

class RepeatedStep {
 public:
  // `images` gives a step's images [V N, H, W, 3] by work of the device only, which belongs to the
  // step. All must outlive the object.
  RepeatedStep(Method& method, ParameterArena& arena, Optimizer& optimizer,
               std::function<Tensor()> images, const StepOptions& options, bool capture);
  RepeatedStep(const RepeatedStep&) = delete;
  RepeatedStep& operator=(const RepeatedStep&) = delete;

  // Gives the next step to the device. Throws what StepReading::wait throws: of the step before, or
  // of this one where it is read at once.
  void launch(const StepNumbers& numbers);
  // What the last step leaves on the device, until the next one is launched.
  const StepOutputs& outputs() const { return outputs_; }
  // The last step's result; waits for it. Zeros before the first step.
  StepResult result();
  // The loss of the last step that was read.
  double known_loss() const { return known_.loss; }
  bool captured() const { return graph_.captured(); }
  std::string take_warning() { return graph_.take_warning(); }  // of StepGraph

 private:
  void work();          // of the device
  void read_pending();  // waits for `reading_`, if there is one

  Method& method_;
  ParameterArena& arena_;
  Optimizer& optimizer_;
  std::function<Tensor()> images_;
  StepOptions options_;
  Device& device_;
  StepOutputs outputs_;
  std::unique_ptr<StepReading> reading_;  // of the last step, until it is read
  StepResult known_;
  StepGraph graph_;
};

}  // namespace amcl
