// The request to stop of SIGINT, SIGTERM, SIGHUP and SIGUSR1. The only process-wide state of the
// program.
#pragma once
#include <csignal>
#include <vector>

namespace amcl {

// While one lives, these signals ask the run to stop; SIGHUP does not where it is ignored (nohup).
// Until requested() is asked for the first time there is nothing to save, and a signal ends the
// process at once, with 128 + its number (130, 143). From then on a signal only sets a flag,
// however many come, since schedulers send one after the other; a second SIGINT, by an impatient
// user, ends the process at once.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;

 private:
  struct Replaced {
    int signal;
    struct sigaction action;
  };
  std::vector<Replaced> replaced_;
};

}  // namespace amcl
