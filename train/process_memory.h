// The memory of this process as the system sees it.
#pragma once
#include <cstdint>

namespace amcl {

// Bytes in memory now; 0 where the system does not tell.
int64_t resident_bytes();
// The most there have been.
int64_t peak_resident_bytes();

}  // namespace amcl
