#include "train/run/stop_signal.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/io/in_child.h"

namespace amcl {
namespace {

TEST_CASE("stop signal: the first one is a request, whichever it is") {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    CAPTURE(signal);
    const StopSignal stop;
    CHECK_FALSE(stop.requested());
    std::raise(signal);
    CHECK(stop.requested());
  }
}

TEST_CASE("stop signal: the second one ends the process with 128 + its number") {
  for (const int second : {SIGINT, SIGTERM}) {
    CAPTURE(second);
    const pid_t child = test::start_child([&] {
      const StopSignal stop;
      std::raise(SIGTERM);
      std::raise(second);
      return true;
    });
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + second);
  }
}

TEST_CASE("stop signal: afterwards signals do what they did") {
  const pid_t child = test::start_child([] {
    { const StopSignal stop; }
    std::raise(SIGTERM);
    return true;
  });
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

}  // namespace
}  // namespace amcl
