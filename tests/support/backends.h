// The backends that tests run on, opened once per test program.
#pragma once
#include <vector>

#include "engine/backend/backend.h"

namespace amcl::test {

// The definition of every kernel.
Backend& plain();

// The backends that are compared with it: cpu, and cuda where this machine has one.
std::vector<Backend*> fast_backends();

// The same with only those algorithms that repeat to the bit.
std::vector<Backend*> repeatable_backends();

}  // namespace amcl::test
