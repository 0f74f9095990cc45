#include "engine/optimizer/optimizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/backend/open.h"
#include "engine/nn/layers.h"

namespace amcl {
namespace {

// A parameter of each role and a stack of two heads, all values 2, all gradients 3.
struct OneOfEach {
  std::unique_ptr<Backend> backend = open_backend("plain");
  Parameter weight{filled(2.0), ParameterRole::weight};
  Parameter bias{filled(2.0), ParameterRole::bias};
  Parameter norm{filled(2.0), ParameterRole::norm};
  Parameter temperature{filled(2.0), ParameterRole::temperature};
  Parameter heads{filled(2.0).view(Shape{2, 2}), ParameterRole::weight, /*is_stacked=*/true};
  ParameterArena arena{*backend, [this](const ModuleVisitor& visitor) {
                         visitor.parameter("weight", weight);
                         visitor.parameter("bias", bias);
                         visitor.parameter("norm", norm);
                         visitor.parameter("temperature", temperature);
                         visitor.parameter("heads.*", heads);
                       }};

  OneOfEach() {
    for (Parameter* parameter : {&weight, &bias, &norm, &temperature, &heads})
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

void take_step(Optimizer& optimizer, double rate, int64_t number) {
  optimizer.prepare(rate, number);
  const Tensor& like = optimizer.gate();
  optimizer.step(Tensor::zeros(like.device(), {1}, like.dtype()));
}

double gradient_norm(const Optimizer& optimizer) {
  return std::sqrt(optimizer.gradient_squares().item());
}

TEST_CASE("optimizer: a parameter has a factor of its own on the rate, besides that of its role") {
  OneOfEach model;
  model.weight.rate_scale = 0.0;
  model.bias.rate_scale = 5.0;
  model.heads.rate_scale = 3.0;
  Optimizer optimizer(model.arena, {.rule = SgdSpec{.momentum = 0.0}, .norm_bias_rate = 0.5});
  take_step(optimizer, 0.01, 1);
  CHECK(first(model.weight.value) == 2.0);
  CHECK(first(model.bias.value) == doctest::Approx(2.0 - 0.01 * 5.0 * 0.5 * 3.0));
  CHECK(first(model.norm.value) == doctest::Approx(2.0 - 0.01 * 0.5 * 3.0));
  CHECK(first(model.temperature.value) == doctest::Approx(2.0 - 0.01 * 3.0));
  CHECK(first(model.heads.value) == doctest::Approx(2.0 - 0.01 * 3.0 * 3.0));
}

TEST_CASE("sgd: momentum and decay follow the rule over several steps") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {.rule = SgdSpec{.momentum = 0.9}, .weight_decay = 0.1});
  double value = 2.0;
  double velocity = 0.0;
  for (int step = 1; step <= 3; ++step) {
    take_step(optimizer, 0.05, step);
    velocity = 0.9 * velocity + 3.0 + 0.1 * value;
    value -= 0.05 * velocity;
    CHECK(first(model.weight.value) == doctest::Approx(value).epsilon(1e-12));
    CHECK(first(model.bias.value) == doctest::Approx(value).epsilon(1e-12));
  }
}

TEST_CASE("sgd: Nesterov's form looks one step ahead") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {.rule = SgdSpec{.momentum = 0.9, .nesterov = true}});
  take_step(optimizer, 0.05, 1);
  CHECK(first(model.weight.value) == doctest::Approx(2.0 - 0.05 * (3.0 + 0.9 * 3.0)));
}

TEST_CASE("optimizer: norms and biases can be left out of the decay, the temperature net cannot") {
  OneOfEach model;
  Optimizer optimizer(
      model.arena,
      {.rule = SgdSpec{.momentum = 0.0}, .weight_decay = 0.5, .decay_norm_bias = false});
  take_step(optimizer, 0.1, 1);
  CHECK(first(model.weight.value) == doctest::Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
  CHECK(first(model.temperature.value) == doctest::Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
  CHECK(first(model.bias.value) == doctest::Approx(2.0 - 0.1 * 3.0));
  CHECK(first(model.norm.value) == doctest::Approx(2.0 - 0.1 * 3.0));
}

TEST_CASE("optimizer: norms and biases can have a rate of their own") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {.rule = SgdSpec{.momentum = 0.0}, .norm_bias_rate = 0.1});
  take_step(optimizer, 0.5, 1);
  CHECK(first(model.weight.value) == doctest::Approx(2.0 - 0.5 * 3.0));
  CHECK(first(model.bias.value) == doctest::Approx(2.0 - 0.05 * 3.0));
}

TEST_CASE("lars: weights and the temperature net get a ratio of norms, norms and biases none") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {.rule = LarsSpec{.momentum = 0.0, .trust = 0.01},
                                    .weight_decay = 0.5,
                                    .decay_norm_bias = false});
  take_step(optimizer, 0.1, 1);
  // |p| / |g + decay p| = 2 / 4 in each element, and the direction is 4.
  CHECK(first(model.weight.value) == doctest::Approx(2.0 - 0.1 * 0.01 * (2.0 / 4.0) * 4.0));
  CHECK(first(model.temperature.value) == doctest::Approx(2.0 - 0.1 * 0.01 * (2.0 / 4.0) * 4.0));
  CHECK(first(model.bias.value) == doctest::Approx(2.0 - 0.1 * 3.0));
  CHECK(first(model.norm.value) == doctest::Approx(2.0 - 0.1 * 3.0));
}

TEST_CASE("lars: each head of a stack has a ratio of its own") {
  OneOfEach model;
  const std::vector<double> gradient = {3.0, 3.0, 6.0, 6.0};
  model.backend->copy_from_host(model.heads.slot.gradient.raw(), gradient.data(),
                                gradient.size() * sizeof(double));
  Optimizer optimizer(model.arena, {.rule = LarsSpec{.momentum = 0.0, .trust = 0.01}});
  take_step(optimizer, 1.0, 1);
  for (const double value : model.heads.value.to_host<double>())
    CHECK(value == doctest::Approx(2.0 - 0.01 * 2.0));  // whatever the size of the gradient
}

TEST_CASE("lars: clipped, a step is never longer than the rate makes it") {
  const auto moved = [](double trust) {
    OneOfEach model;
    Optimizer optimizer(
        model.arena,
        {.rule = LarsSpec{.momentum = 0.0, .trust = trust, .epsilon = 1e-12, .clip_ratio = true},
         .weight_decay = 0.5});
    take_step(optimizer, 0.1, 1);
    return 2.0 - first(model.weight.value);
  };
  // min(trust |p| / (|g| + decay |p|) / rate, 1) rate (g + decay p), with |p| / (...) = 1 / 2.
  CHECK(moved(0.02) == doctest::Approx(0.02 * 0.5 * 4.0));
  CHECK(moved(7.0) == doctest::Approx(0.1 * 4.0));
}

TEST_CASE("adamw: the first step is as long as the rate, decay stands apart, the number counts") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {.rule = AdamWSpec{.epsilon = 1e-12}, .weight_decay = 0.5});
  take_step(optimizer, 0.1, 1);
  CHECK(first(model.weight.value) == doctest::Approx(2.0 * (1.0 - 0.1 * 0.5) - 0.1));
  REQUIRE(optimizer.memories().size() == 2);
  CHECK(optimizer.memories()[0].name == "first_moment");
  CHECK(first(optimizer.memories()[0].flat) == doctest::Approx(0.1 * 3.0));
  CHECK(first(optimizer.memories()[1].flat) == doctest::Approx(0.001 * 9.0));

  // Moments that are taken for those of step 100 are hardly corrected.
  OneOfEach late;
  Optimizer other(late.arena, {.rule = AdamWSpec{.epsilon = 1e-12}});
  take_step(other, 0.1, 100);
  const double first_moment = 0.3 / (1.0 - std::pow(0.9, 100));
  const double second_moment = 0.009 / (1.0 - std::pow(0.999, 100));
  CHECK(first(late.weight.value) ==
        doctest::Approx(2.0 - 0.1 * first_moment / std::sqrt(second_moment)));
}

TEST_CASE("optimizer: the gradient norm is that of all parameters together") {
  OneOfEach model;
  Optimizer optimizer(model.arena, {});
  take_step(optimizer, 0.0, 1);
  CHECK(gradient_norm(optimizer) == doctest::Approx(std::sqrt(20 * 9.0)));
}

TEST_CASE("optimizer: a norm above the limit is clipped to it, one below is not") {
  for (const double limit : {6.0, 100.0}) {
    CAPTURE(limit);
    OneOfEach model;
    Optimizer optimizer(model.arena, {.rule = SgdSpec{.momentum = 0.0}, .clip_norm = limit});
    take_step(optimizer, 1.0, 1);
    const double norm = gradient_norm(optimizer);  // 13.4
    const double gradient = 3.0 * std::min(1.0, limit / norm);
    CHECK(first(model.weight.value) == doctest::Approx(2.0 - gradient).epsilon(1e-6));
    CHECK(first(model.weight.slot.gradient) == 3.0);
  }
}

}  // namespace
}  // namespace amcl
