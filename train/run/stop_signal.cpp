#include "train/run/stop_signal.h"

#include <unistd.h>

#include <atomic>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

// A signal handler can reach nothing but variables like these; two may run at once, in two threads.
std::atomic<bool> heeded = false;
std::atomic<bool> stop_requested = false;
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_stop_signal(int signal) {
  const bool impatient = signal == SIGINT && interrupted.exchange(true);
  if (!heeded || impatient) _exit(128 + signal);
  stop_requested = true;
}

}  // namespace

StopSignal::StopSignal() {
  heeded = stop_requested = interrupted = false;
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  // A write that the signal interrupts goes on by itself.
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) {
    struct sigaction before = {};
    if (sigaction(signal, nullptr, &before) != 0)
      fail(ErrorKind::internal, "signals: the action of signal ", signal, " is not known");
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
    replaced_.push_back({signal, before});
    sigaction(signal, &action, nullptr);
  }
}

StopSignal::~StopSignal() {
  for (const Replaced& replaced : replaced_) sigaction(replaced.signal, &replaced.action, nullptr);
}

bool StopSignal::requested() const {
  heeded = true;
  return stop_requested;
}

}  // namespace amcl
