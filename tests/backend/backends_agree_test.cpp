// Every op of the table, forward and gradients, on every backend against plain f64.
#include <doctest/doctest.h>

#include "engine/core/parallel_for.h"
#include "engine/op_cases/op_cases.h"
#include "tests/support/backends.h"
#include "tests/support/compute_threads.h"

namespace amcl {
namespace {

struct Wanted {
  const std::vector<OpCase>& cases = op_cases();
  std::vector<OpEvaluation> evaluations;

  Wanted() {
    for (const OpCase& op_case : cases)
      evaluations.push_back(evaluate(op_case, test::plain(), DType::f64));
  }
};

const Wanted& wanted() {
  static const Wanted result;
  return result;
}

// `tolerance` 0: the case's own.
void check_agreement(Backend& backend, DType dtype, double tolerance = 0.0) {
  for (size_t i = 0; i < wanted().cases.size(); ++i) {
    const OpCase& op_case = wanted().cases[i];
    INFO(concat_text(backend.name(), " ", dtype, ", ", op_case.op, ": ", op_case.detail));
    const OpEvaluation got = evaluate(op_case, backend, dtype);
    CHECK(largest_error(op_case, got, wanted().evaluations[i]) <=
          (tolerance > 0.0 ? tolerance : op_case.tolerance));
  }
}

TEST_CASE("backends: plain f32 agrees with plain f64") {
  check_agreement(test::plain(), DType::f32);
}

TEST_CASE("backends: the fast backends in f32 agree with plain f64") {
  for (Backend* backend : test::fast_backends()) check_agreement(*backend, DType::f32);
}

// The cpu backend overrides the f32 kernels only; f64 must find its way to the plain ones.
TEST_CASE("backends: the cpu in f64 agrees with plain f64") {
  check_agreement(*test::fast_backends().front(), DType::f64, 1e-6);
}

TEST_CASE("backends: the same call gives the same bits") {
  for (Backend* backend : test::repeatable_backends())
    for (const OpCase& op_case : wanted().cases) {
      INFO(concat_text(backend->name(), ", ", op_case.op, ": ", op_case.detail));
      const OpEvaluation first = evaluate(op_case, *backend, DType::f32);
      const OpEvaluation second = evaluate(op_case, *backend, DType::f32);
      CHECK(first.output == second.output);
      CHECK(first.gradients == second.gradients);
    }
}

// Odd numbers of threads cut the work at other places: every range must be covered.
TEST_CASE("backends: results hold for any number of threads") {
  for (const int count : {1, 3}) {
    const test::ComputeThreads threads(count);
    for (Backend* backend : test::fast_backends()) check_agreement(*backend, DType::f32);
  }
}

}  // namespace
}  // namespace amcl
