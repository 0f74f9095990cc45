// Which of cuDNN's engines may be used, by what cuDNN notes of them. Pure host code.
#pragma once
#include "engine/core/dtype.h"

namespace amcl::cuda {

struct EngineRules {
  bool deterministic = false;  // only engines that give the same bits each time
  bool tf32 = false;           // f32 may be rounded to 11 bits of mantissa on its way in
};

struct EngineNotes {
  bool tensor_cores = false;
  bool rounds_inputs = false;         // to a narrower type
  bool rounds_sums = false;           // likewise
  bool order_varies = false;          // of its sums, and with it the last bits
  bool compiled_at_run_time = false;  // when it is chosen, which takes seconds
};

// For tensors of `dtype`.
bool may_be_used(const EngineNotes& engine, DType dtype, const EngineRules& rules);

}  // namespace amcl::cuda
