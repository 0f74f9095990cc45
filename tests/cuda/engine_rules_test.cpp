#include "engine/backend/cuda/engine_rules.h"

#include <doctest/doctest.h>

namespace amcl {
namespace {

using cuda::EngineNotes;
using cuda::EngineRules;
using cuda::may_be_used;

constexpr DType kTypes[] = {DType::bf16, DType::f32, DType::f64};

TEST_CASE(
    "engine rules: none that is compiled at run time or rounds its sums, whatever is asked for") {
  for (const DType dtype : kTypes)
    for (const EngineRules& rules : {EngineRules{}, {.deterministic = true}, {.tf32 = true}}) {
      CHECK(may_be_used({}, dtype, rules));
      CHECK_FALSE(may_be_used({.compiled_at_run_time = true}, dtype, rules));
      CHECK_FALSE(may_be_used({.rounds_sums = true}, dtype, rules));
    }
}

TEST_CASE("engine rules: sums in an order of their own only without --deterministic") {
  for (const DType dtype : kTypes) {
    CHECK(may_be_used({.order_varies = true}, dtype, {}));
    CHECK_FALSE(may_be_used({.order_varies = true}, dtype, {.deterministic = true}));
  }
}

TEST_CASE(
    "engine rules: tensor cores and rounded inputs in bf16, in f32 as TF32 alone, never in f64") {
  for (const EngineNotes& engine :
       {EngineNotes{.tensor_cores = true}, EngineNotes{.rounds_inputs = true}}) {
    CHECK(may_be_used(engine, DType::bf16, {}));
    CHECK_FALSE(may_be_used(engine, DType::f32, {}));
    CHECK(may_be_used(engine, DType::f32, {.tf32 = true}));
    CHECK_FALSE(may_be_used(engine, DType::f64, {.tf32 = true}));
  }
}

}  // namespace
}  // namespace amcl
