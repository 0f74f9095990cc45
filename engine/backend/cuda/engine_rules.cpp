#include "engine/backend/cuda/engine_rules.h"

namespace amcl::cuda {

bool may_be_used(const EngineNotes& engine, DType dtype, const EngineRules& rules) {
  const bool exact = dtype == DType::f64 || (dtype == DType::f32 && !rules.tf32);
  return !engine.compiled_at_run_time && !engine.rounds_sums &&
         !(rules.deterministic && engine.order_varies) &&
         !(exact && (engine.tensor_cores || engine.rounds_inputs));
}

}  // namespace amcl::cuda
