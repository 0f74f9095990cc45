// The request to stop of SIGINT, SIGTERM and SIGUSR1. The only process-wide state of the program.
#pragma once

namespace amcl {

// While one lives, the first of these signals only sets a flag, and the run ends after its step
// with a checkpoint. A second one ends the process at once, with 128 + its number (130, 143).
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;
};

}  // namespace amcl
