// `amcl verify ops`: every op on every backend of this machine against plain f64.
#pragma once
#include <ostream>

namespace amcl {

// Prints a table of op, backend and largest error to `out`. Returns 0, or 1 if an error exceeds
// its tolerance.
int run_verify_ops(std::ostream& out);

}  // namespace amcl
