// The gradient of a whole loss along random directions against central differences, in f64.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "engine/nn/parameter.h"
#include "models/objectives/objective.h"

namespace amcl::test {

using LossFunction = std::function<Loss(std::span<const Tensor> inputs)>;

// The largest difference of analytic and numeric derivative, relative to the numeric one + 1e-3,
// along a few random directions in the space of all inputs and parameters together. The parameters
// are those that the loss reads through Parameter::tracked().
double gradient_error(const LossFunction& loss, std::span<const Tensor> inputs,
                      std::span<Parameter* const> parameters, uint64_t seed);

}  // namespace amcl::test
