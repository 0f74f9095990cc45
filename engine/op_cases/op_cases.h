// One table of calls of every op in engine/ops/ops.h, over odd shapes and all options. It serves
// the gradient checks (tests/ops), the comparison of backends (tests/backend) and `amcl verify
// ops`: an op with cases here is tested everywhere.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {

// A tensor on the host. The values of inputs are representable in f32, so that f32 and f64 compute
// at the same point, on the same side of every kink.
struct HostTensor {
  Shape shape;
  std::vector<double> values;
};

struct OpCase {
  std::string op;      // its name in ops.h
  std::string detail;  // shapes and options
  std::vector<HostTensor> inputs = {};
  std::function<Tensor(std::span<const Tensor> inputs)> function = {};
  // Whether the function has gradients to compare; gradcheck: whether finite differences apply too
  // (not at kinks, and not where a run would take long).
  bool differentiable = true;
  bool gradcheck = true;
  // Of f32 against f64, for the output and each gradient: see relative_error.h.
  double tolerance = 1e-5;
  double floor = 1e-2;
};

// The table, made on the first call.
const std::vector<OpCase>& op_cases();

// What a case computes on a backend: the output and, if differentiable, the gradient of each input
// under a random cotangent. Memory is poisoned meanwhile, so that an element that a kernel leaves
// unwritten or reads too early comes out as NaN.
struct OpEvaluation {
  std::vector<double> output;
  std::vector<std::vector<double>> gradients;
};
OpEvaluation evaluate(const OpCase& op_case, Backend& backend, DType dtype);

// The largest relative_error of output and gradients.
double largest_error(const OpCase& op_case, const OpEvaluation& got, const OpEvaluation& want);

}  // namespace amcl
