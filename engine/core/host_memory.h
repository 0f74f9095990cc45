// The memory of the machine, as this process has it and may have it.
#pragma once
#include <cstdint>

namespace amcl {

// Bytes that could still be allocated: what the system has to give, less under a limit of the
// process's addresses (ulimit -v). 0 where the system does not tell.
int64_t free_host_bytes();

// Throws OutOfMemory where a limit of the process's addresses (ulimit -v) leaves fewer than `bytes`.
// Before work of a library that does not look whether what it asked for came.
void check_address_room(int64_t bytes);

// Bytes of this process in memory now; 0 where the system does not tell.
int64_t resident_bytes();
// The most there have been.
int64_t peak_resident_bytes();

}  // namespace amcl
