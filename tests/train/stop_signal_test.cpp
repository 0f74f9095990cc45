#include "train/run/stop_signal.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "tests/io/in_child.h"

namespace amcl {
namespace {

// What a process ends with that does this while a StopSignal lives: its exit code, 128 + the number of
// a signal that ended it.
template <class Body>
int end_of(const Body& body) {
  const pid_t child = test::start_child(body);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_CASE("stop signal: the first one is a request, whichever it is") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    CAPTURE(signal);
    const StopSignal stop;
    CHECK_FALSE(stop.requested());
    std::raise(signal);
    CHECK(stop.requested());
  }
}

TEST_CASE("stop signal: later ones end nothing, but for a second SIGINT") {
  const auto end_after = [](const std::vector<int>& signals) {
    return end_of([&] {
      const StopSignal stop;
      if (stop.requested()) return false;
      for (const int signal : signals) std::raise(signal);
      return stop.requested();
    });
  };
  CHECK(end_after({SIGTERM, SIGTERM, SIGTERM}) == 0);
  CHECK(end_after({SIGTERM, SIGHUP}) == 0);
  CHECK(end_after({SIGUSR1, SIGTERM}) == 0);
  CHECK(end_after({SIGTERM, SIGINT, SIGTERM}) == 0);
  CHECK(end_after({SIGINT, SIGINT}) == 130);
  CHECK(end_after({SIGINT, SIGTERM, SIGINT}) == 130);
}

TEST_CASE("stop signal: before anybody asks, each ends the process at once") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    CAPTURE(signal);
    CHECK(end_of([&] {
            const StopSignal stop;
            std::raise(signal);
            return true;
          }) == 128 + signal);
  }
}

TEST_CASE("stop signal: SIGHUP stays ignored where it is (nohup)") {
  CHECK(end_of([] {
          std::signal(SIGHUP, SIG_IGN);
          const StopSignal stop;
          std::raise(SIGHUP);
          return !stop.requested();
        }) == 0);
}

TEST_CASE("stop signal: afterwards signals do what they did") {
  CHECK(end_of([] {
          std::signal(SIGTERM, SIG_DFL);
          { const StopSignal stop; }
          std::raise(SIGTERM);
          return true;
        }) == 128 + SIGTERM);
  CHECK(end_of([] {
          std::signal(SIGUSR1, SIG_IGN);
          { const StopSignal stop; }
          std::raise(SIGUSR1);
          return true;
        }) == 0);
}

}  // namespace
}  // namespace amcl
