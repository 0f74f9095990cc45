#include "engine/backend/step_graph.h"

#include <utility>

namespace amcl {
namespace {

// The second finds the memory of the first and tells whether the work is the same twice.
constexpr int64_t kEagerSteps = 2;

}  // namespace

StepGraph::StepGraph(Device& device, std::function<void()> work, bool capture)
    : device_(device), work_(std::move(work)), capture_(capture) {}

void StepGraph::run() {
  if (captured_ == nullptr && capture_ && eager_steps_ >= kEagerSteps && device_.can_capture())
    captured_ = device_.capture(work_);
  if (captured_ != nullptr) {
    captured_->replay();
    return;
  }
  work_();
  ++eager_steps_;
}

}  // namespace amcl
