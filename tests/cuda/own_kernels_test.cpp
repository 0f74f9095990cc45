// The CUDA backend's own kernels on the emulated GPU against the definition, through the table of
// ops: forward and backward, odd shapes, all options. Each order of threads must give the same
// bits.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/op_cases/op_cases.h"
#include "tests/support/backends.h"
#include "tests/support/cuda_emulation/emulated_backend.h"

namespace amcl {
namespace {

using emulation::EmulatedBackend;

constexpr uint64_t kAscending = 0;
constexpr uint64_t kDescending = 1;
constexpr uint64_t kShuffled = 7;

// The large convolutions and products would only measure the plain backend, which stands for the
// libraries here.
bool is_for_libraries(const OpCase& op_case) {
  return op_case.op == "conv2d" || op_case.op == "matmul";
}

void check_agreement(DType dtype, uint64_t order, double tolerance = 0.0) {
  EmulatedBackend backend(order);
  for (const OpCase& op_case : op_cases()) {
    if (is_for_libraries(op_case)) continue;
    INFO(concat_text(dtype, ", order ", order, ", ", op_case.op, ": ", op_case.detail));
    const OpEvaluation want = evaluate(op_case, test::plain(), DType::f64);
    OpEvaluation got;
    REQUIRE_NOTHROW(got = evaluate(op_case, backend, dtype));
    CHECK(largest_error(op_case, got, want) <= (tolerance > 0.0 ? tolerance : op_case.tolerance));
    CHECK(backend.guarded().overruns() == 0);
  }
}

TEST_CASE("cuda kernels: f32 agrees with plain f64") {
  check_agreement(DType::f32, kShuffled);
}

TEST_CASE("cuda kernels: f64 agrees with plain f64") {
  check_agreement(DType::f64, kDescending, 1e-6);
}

TEST_CASE("cuda kernels: any order of blocks and threads gives the same bits") {
  EmulatedBackend ascending(kAscending);
  for (const uint64_t order : {kDescending, kShuffled}) {
    EmulatedBackend other(order);
    for (const OpCase& op_case : op_cases()) {
      if (is_for_libraries(op_case) || !op_case.gradcheck) continue;
      INFO(concat_text("order ", order, ", ", op_case.op, ": ", op_case.detail));
      const OpEvaluation first = evaluate(op_case, ascending, DType::f32);
      const OpEvaluation second = evaluate(op_case, other, DType::f32);
      CHECK(first.output == second.output);
      CHECK(first.gradients == second.gradients);
    }
  }
}

}  // namespace
}  // namespace amcl
