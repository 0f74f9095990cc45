// The same device work step after step: given to the device anew each time or, where the device can,
// recorded once and replayed, which spares the host the launches.
//
// The first two steps run as they are: kernels, plans of libraries and memory are then known. The
// third is recorded and replayed, and so are all after it. What the work allocates stays with the
// recording; every tensor that it keeps is overwritten by the next step. Contract of the work: shapes,
// and every number that it passes to a kernel by value, are the same each time; what changes lies in
// device memory that stays where it is; nothing is copied from or to the host.
//
// Where that fails, the steps go on as they are.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/core/device.h"

namespace amcl {

class StepGraph {
 public:
  // Without `capture`, or on a device that cannot, each run calls `work`.
  StepGraph(Device& device, std::function<void()> work, bool capture);

  void run();
  bool captured() const { return captured_ != nullptr; }
  // One line that says that the work could not be recorded, and why: once; else empty.
  std::string take_warning() { return std::exchange(warning_, {}); }

 private:
  void try_to_capture();

  Device& device_;
  std::function<void()> work_;
  bool capture_;
  int64_t eager_steps_ = 0;
  std::string warning_;
  std::unique_ptr<CapturedWork> captured_;
};

}  // namespace amcl
