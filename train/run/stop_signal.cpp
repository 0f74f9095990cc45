#include "train/run/stop_signal.h"

#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGUSR1};

// A signal handler can reach nothing but a variable like this one.
volatile std::sig_atomic_t stop_requested = 0;

extern "C" void on_stop_signal(int signal) {
  if (stop_requested != 0) _exit(128 + signal);
  stop_requested = 1;
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  // A write that the signal interrupts goes on by itself.
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(signal, &action, nullptr) != 0)
    fail(ErrorKind::internal, "signals: the handler of signal ", signal, " cannot be set");
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  for (const int signal : kSignals) set_handler(signal, on_stop_signal);
}

StopSignal::~StopSignal() {
  for (const int signal : kSignals) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

bool StopSignal::requested() const {
  return stop_requested != 0;
}

}  // namespace amcl
