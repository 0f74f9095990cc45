// Elementwise loops over bf16, for the instruction set of this CPU.
#pragma once
#include <cstdint>

#include "engine/core/dtype.h"

namespace amcl {

// y[i] = bf16(y[i] + x[i])
void accumulate_bf16(const bf16* x, int64_t count, bf16* y);

// y[i] = bf16(x[i])
void round_to_bf16(const float* x, int64_t count, bf16* y);

}  // namespace amcl
