// Runs a part of a test in a process of its own, for what would change the whole program: limits,
// users, a sudden death.
#pragma once
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>

#include "engine/core/check.h"

namespace amcl::test {

// Starts `body` in a child and returns its process id. The child ends with status 0, or 1 if the
// body throws or returns false.
template <class Body>
pid_t start_child(const Body& body) {
  const pid_t child = ::fork();
  if (child < 0) fail(ErrorKind::internal, "fork failed");
  if (child > 0) return child;
  bool passed = false;
  try {
    passed = body();
  } catch (const std::exception&) {
    passed = false;
  }
  ::_exit(passed ? 0 : 1);  // neither destructors nor the test runner's end
}

// In a child: gives up the rights of root, who may read and write anywhere. False if that fails.
inline bool become_nobody() {
  constexpr uid_t kNobody = 65534;
  return ::geteuid() != 0 || ::seteuid(kNobody) == 0;
}

// Waits for a child; whether it ended by itself with status 0.
inline bool wait_for_success(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <class Body>
bool holds_in_child(const Body& body) {
  return wait_for_success(start_child(body));
}

}  // namespace amcl::test
