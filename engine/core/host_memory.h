// The memory of the machine, as far as this process may have it.
#pragma once
#include <cstdint>

namespace amcl {

// Bytes that could still be allocated: what the system has to give, less under a limit of the
// process's addresses (ulimit -v). 0 where the system does not tell.
int64_t free_host_bytes();

}  // namespace amcl
