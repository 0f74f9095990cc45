// The gradient of a function against central differences, in f64.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "engine/core/tensor.h"

namespace amcl::test {

using Function = std::function<Tensor(std::span<const Tensor> inputs)>;

struct GradcheckOptions {
  double step = 1e-5;
  // Of |analytic - numeric| relative to |numeric| + rms of the gradient: in f64 the differences
  // are good to about 1e-9 at this step.
  double tolerance = 1e-6;
  int64_t elements = 24;  // of each input that are checked one by one; all, if it has no more
  uint64_t seed = 1;
};

// Empty if the gradients are right, else one line that says which is wrong and how. inputs are f64.
//
//   - The cotangent is random: under ones, softmax and batch norm have gradient zero.
//   - Gradient memory holds NaN at first: the first contribution must assign, a second one add.
//   - With one input followed by the tape, its gradient has the same bits as with all of them.
//   - Some elements of each input are checked one by one, all of them along a random direction.
//   - Two step sizes: where they disagree the function has a kink, and that is what is reported.
std::string gradcheck(const Function& function, std::span<const Tensor> inputs,
                      const GradcheckOptions& options = {});

}  // namespace amcl::test
