#include "tests/models/loss_gradient.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/backend/backend.h"
#include "tests/support/rng.h"

namespace amcl::test {
namespace {

// Two steps, of which the better counts: one may cross a kink of relu or a change of selection, a
// wrong gradient is wrong at both.
constexpr double kSteps[] = {1e-6, 1e-7};
constexpr int kDirections = 2;

// x + factor direction
Tensor moved(const Tensor& x, const Tensor& direction, double factor) {
  Tensor step = Tensor::empty_like(x);
  backend_of(x).affine(direction, factor, 0.0, step);
  Tensor result = Tensor::empty_like(x);
  backend_of(x).binary(BinaryOp::add, tape::detach(x), step, result);
  return result;
}

double inner_product(const Tensor& a, const Tensor& b) {
  const auto left = a.to_host<double>();
  const auto right = b.to_host<double>();
  double sum = 0.0;
  for (size_t i = 0; i < left.size(); ++i) sum += left[i] * right[i];
  return sum;
}

// A direction in the space of inputs and parameters.
struct Direction {
  std::vector<Tensor> inputs;
  std::vector<Tensor> parameters;
};

double loss_at(const LossFunction& loss, std::span<const Tensor> inputs,
               std::span<Parameter* const> parameters, const Direction& direction, double factor) {
  std::vector<Tensor> moved_inputs;
  for (size_t i = 0; i < inputs.size(); ++i)
    moved_inputs.push_back(moved(inputs[i], direction.inputs[i], factor));
  std::vector<Tensor> kept;
  for (size_t i = 0; i < parameters.size(); ++i) {
    kept.push_back(parameters[i]->value);
    parameters[i]->value = moved(kept.back(), direction.parameters[i], factor);
  }
  const double value = loss(moved_inputs).total.item();
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i]->value = kept[i];
  return value;
}

// The derivative along the direction by the tape.
double analytic(const LossFunction& loss, std::span<const Tensor> inputs,
                std::span<Parameter* const> parameters, const Direction& direction) {
  const TapeScope scope;
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) leaves.push_back(tape::leaf(input));
  for (Parameter* parameter : parameters) parameter->slot.written = false;
  tape::backward(loss(leaves).total);
  double sum = 0.0;
  for (size_t i = 0; i < leaves.size(); ++i)
    if (const Tensor gradient = tape::gradient(leaves[i]); gradient.defined())
      sum += inner_product(gradient, direction.inputs[i]);
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i]->slot.written)
      sum += inner_product(parameters[i]->slot.gradient, direction.parameters[i]);
  return sum;
}

}  // namespace

double gradient_error(const LossFunction& loss, std::span<const Tensor> inputs,
                      std::span<Parameter* const> parameters, uint64_t seed) {
  Rng rng(seed);
  double worst = 0.0;
  for (int i = 0; i < kDirections; ++i) {
    Direction direction;
    for (const Tensor& input : inputs)
      direction.inputs.push_back(rng.normal(input.device(), input.shape()));
    for (const Parameter* parameter : parameters)
      direction.parameters.push_back(
          rng.normal(parameter->value.device(), parameter->value.shape()));
    const double derivative = analytic(loss, inputs, parameters, direction);
    double error = std::numeric_limits<double>::infinity();
    for (const double step : kSteps) {
      const double numeric = (loss_at(loss, inputs, parameters, direction, step) -
                              loss_at(loss, inputs, parameters, direction, -step)) /
                             (2.0 * step);
      error = std::min(error, std::abs(derivative - numeric) / (std::abs(numeric) + 1e-3));
    }
    worst = std::max(worst, error);
  }
  return worst;
}

}  // namespace amcl::test
