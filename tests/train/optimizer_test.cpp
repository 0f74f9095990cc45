#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/backend/open.h"
#include "engine/nn/layers.h"

namespace amcl {
namespace {

// A parameter of each role, all values 2, all gradients 3.
struct OneOfEach {
  std::unique_ptr<Backend> backend = open_backend("plain");
  Parameter weight{filled(2.0), ParameterRole::weight};
  Parameter bias{filled(2.0), ParameterRole::bias};
  Parameter norm{filled(2.0), ParameterRole::norm};
  Parameter temperature{filled(2.0), ParameterRole::temperature};
  ParameterArena arena{*backend, [this](const ModuleVisitor& visitor) {
                         visitor.parameter("weight", weight);
                         visitor.parameter("bias", bias);
                         visitor.parameter("norm", norm);
                         visitor.parameter("temperature", temperature);
                       }};

  OneOfEach() {
    for (Parameter* parameter : {&weight, &bias, &norm, &temperature})
      backend->fill(parameter->slot.gradient, 3.0);
  }
  Tensor filled(double value) const {
    Tensor result = Tensor::empty(*backend, Shape{4}, DType::f64);
    backend->fill(result, value);
    return result;
  }
};

double first(const Tensor& tensor) {
  return tensor.to_host<double>().front();
}

TEST_CASE("sgd: momentum and decay follow the rule over several steps") {
  OneOfEach model;
  SgdOptimizer optimizer(model.arena, {.momentum = 0.9, .weight_decay = 0.1});
  double value = 2.0;
  double velocity = 0.0;
  for (int step = 0; step < 3; ++step) {
    optimizer.measure_gradient_norm();
    optimizer.step(0.05);
    velocity = 0.9 * velocity + 3.0 + 0.1 * value;
    value -= 0.05 * velocity;
    CHECK(first(model.weight.value) == doctest::Approx(value).epsilon(1e-12));
    CHECK(first(model.bias.value) == doctest::Approx(value).epsilon(1e-12));
  }
}

TEST_CASE("sgd: norms and biases can be left out of the decay, the temperature net cannot") {
  OneOfEach model;
  SgdOptimizer optimizer(model.arena,
                         {.momentum = 0.0, .weight_decay = 0.5, .decay_norm_bias = false});
  optimizer.measure_gradient_norm();
  optimizer.step(0.1);
  CHECK(first(model.weight.value) == doctest::Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
  CHECK(first(model.temperature.value) == doctest::Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
  CHECK(first(model.bias.value) == doctest::Approx(2.0 - 0.1 * 3.0));
  CHECK(first(model.norm.value) == doctest::Approx(2.0 - 0.1 * 3.0));
}

TEST_CASE("sgd: the gradient norm is that of all parameters together") {
  OneOfEach model;
  SgdOptimizer optimizer(model.arena, {});
  CHECK(optimizer.measure_gradient_norm() == doctest::Approx(std::sqrt(16 * 9.0)));
}

TEST_CASE("sgd: a norm above the limit is clipped to it, one below is not") {
  for (const double limit : {6.0, 100.0}) {
    CAPTURE(limit);
    OneOfEach model;
    SgdOptimizer optimizer(model.arena, {.momentum = 0.0, .clip_norm = limit});
    const double norm = optimizer.measure_gradient_norm();  // 12
    optimizer.step(1.0);
    const double gradient = 3.0 * std::min(1.0, limit / norm);
    CHECK(first(model.weight.value) == doctest::Approx(2.0 - gradient).epsilon(1e-6));
    CHECK(first(model.weight.slot.gradient) == 3.0);
  }
}

}  // namespace
}  // namespace amcl
