#include "engine/backend/step_graph.h"

#include "engine/core/check.h"

namespace amcl {
namespace {

// The second finds the memory of the first and tells whether the work is the same twice.
constexpr int64_t kEagerSteps = 2;

}  // namespace

StepGraph::StepGraph(Device& device, std::function<void()> work, bool capture)
    : device_(device), work_(std::move(work)), capture_(capture) {}

void StepGraph::try_to_capture() {
  try {
    captured_ = device_.capture(work_);
  } catch (const Error& error) {
    capture_ = false;
    warning_ = concat_text(
        "every step is launched anew, which is slower: one could not be recorded: ", error.what());
  }
}

void StepGraph::run() {
  if (captured_ == nullptr && capture_ && eager_steps_ >= kEagerSteps && device_.can_capture())
    try_to_capture();
  if (captured_ != nullptr) {
    captured_->replay();
    return;
  }
  work_();
  ++eager_steps_;
}

}  // namespace amcl
