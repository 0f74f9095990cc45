#include "train/step/repeated_step.h"

#include <utility>

namespace amcl {

RepeatedStep::RepeatedStep(Method& method, ParameterArena& arena, Optimizer& optimizer,
                           std::function<Tensor()> images, const StepOptions& options, bool capture)
    : method_(method),
      arena_(arena),
      optimizer_(optimizer),
      images_(std::move(images)),
      options_(options),
      device_(arena.values().device()),
      graph_(
          device_, [this] { work(); }, capture) {}

void RepeatedStep::work() {
  outputs_ = {};  // their memory serves this step
  outputs_ = launch_step(method_, arena_, optimizer_, images_(), options_);
}

void RepeatedStep::read_pending() {
  if (reading_ == nullptr) return;
  const std::unique_ptr<StepReading> reading = std::move(reading_);
  known_ = reading->wait(method_, optimizer_);
}

void RepeatedStep::launch(const StepNumbers& numbers) {
  prepare_step(method_, optimizer_, numbers);
  graph_.run();
  auto reading = std::make_unique<StepReading>(outputs_, numbers);
  read_pending();
  reading_ = std::move(reading);
  if (!device_.is_asynchronous()) read_pending();
}

StepResult RepeatedStep::result() {
  read_pending();
  StepResult result = known_;
  result.projections = outputs_.projections;
  result.features = outputs_.features;
  return result;
}

}  // namespace amcl
