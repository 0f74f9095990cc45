#include "train/step.h"

#include <doctest/doctest.h>

#include <bit>
#include <limits>

#include "engine/backend/open.h"
#include "tests/support/rng.h"
#include "tests/train/tiny_training.h"
#include "train/build_method.h"

namespace amcl {
namespace {

struct Model {
  std::unique_ptr<Backend> backend = open_backend("cpu");
  Config config;
  std::unique_ptr<Method> method;
  ParameterArena arena;
  Optimizer optimizer;
  Tensor images;

  explicit Model(const std::string& temperature = "adaptive", const OptimizerOptions& options = {})
      : config(test::tiny_config()),
        method(build(temperature)),
        arena(*backend, [this](const ModuleVisitor& visitor) { method->visit(visitor); }),
        optimizer(arena, options),
        images(test::Rng(3).normal(*backend, Shape{16, 8, 8, 3}, DType::f32)) {}

  std::unique_ptr<Method> build(const std::string& temperature) {
    config.objective.temperature = temperature;
    return build_method(config, *backend);
  }
  // The values of one parameter become scale times what they are, plus shift.
  void change(const std::string& wanted, double scale, double shift) {
    method->visit({.parameter =
                       [&](const std::string& name, Parameter& parameter) {
                         if (name != wanted) return;
                         Tensor changed = Tensor::empty_like(parameter.value);
                         backend->affine(parameter.value, scale, shift, changed);
                         backend->copy(parameter.value.raw(), changed.raw(), changed.bytes());
                       },
                   .buffer = [](const std::string&, Tensor&) {}});
  }
  StepResult step(int64_t number, double rate) {
    return training_step(*method, arena, optimizer, images,
                         {.number = number, .rate = rate, .context = training_context(config)});
  }
};

// To compare values that are no numbers.
std::vector<uint32_t> bits(const Tensor& tensor) {
  std::vector<uint32_t> result;
  for (const float value : tensor.to_host<float>())
    result.push_back(std::bit_cast<uint32_t>(value));
  return result;
}

TEST_CASE("step: the loss of a frozen batch falls") {
  for (const char* temperature : {"0.2", "adaptive"}) {
    CAPTURE(temperature);
    Model model(temperature);
    const double first = model.step(1, 0.05).loss;
    double last = first;
    for (int64_t number = 2; number <= 12; ++number) last = model.step(number, 0.05).loss;
    CHECK(last < 0.8 * first);
  }
}

TEST_CASE("step: reports the loss per head, the gradient norm, statistics and projections") {
  Model model;
  const StepResult result = model.step(1, 0.05);
  REQUIRE(result.per_head.size() == 2);
  CHECK(result.loss == doctest::Approx(result.per_head[0] + result.per_head[1]).epsilon(1e-5));
  CHECK(result.gradient_norm > 0.0);
  CHECK(result.statistics.size() == 2 * kPairStatistics);
  REQUIRE(result.projections.size() == 1);
  CHECK(result.projections[0].shape() == Shape{2, 16, 8});
}

TEST_CASE("step: at rate 0 only the running statistics move") {
  Model model;
  const std::vector<float> before = model.arena.values().to_host<float>();
  model.step(1, 0.0);
  CHECK(model.arena.values().to_host<float>() == before);
}

TEST_CASE("step: a loss that is not finite names its circumstances and leaves the weights") {
  Model model;
  model.change("projector.*.2.bias", 1.0, std::numeric_limits<double>::infinity());
  const std::vector<uint32_t> before = bits(model.arena.values());
  try {
    model.step(41, 0.05);
    FAIL("the step was taken");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::numeric);
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("objective amcl: the loss of step 41 is not finite (temperatures ") == 0);
    CHECK(message.find("similarities not a number") != std::string::npos);
  }
  CHECK(bits(model.arena.values()) == before);
}

TEST_CASE("step: a gradient that is not finite is caught before the weights are touched") {
  Model model("0.5");
  // Projections of length 1e-10 from hidden values of 1e15: the gradient of the normalisation is
  // 1 / length, and that of the last layer the product with the hidden values, beyond f32 squared.
  model.change("projector.*.0.weight", 1e15, 0.0);
  model.change("projector.*.2.weight", 1e-25, 0.0);
  model.change("projector.*.2.bias", 0.0, 0.0);
  const std::vector<float> before = model.arena.values().to_host<float>();
  CHECK_THROWS_WITH_AS(model.step(5, 0.05), doctest::Contains("the gradient of step 5"), Error);
  CHECK(model.arena.values().to_host<float>() == before);
}

TEST_CASE("step: an absurd learning rate ends in the message, not in a crash") {
  Model model;
  const auto train = [&] {
    for (int64_t number = 1; number <= 20; ++number) model.step(number, 1e30);
  };
  CHECK_THROWS_WITH_AS(train(), doctest::Contains("is not finite"), Error);
}

TEST_CASE("step: memory does not grow from the third step on") {
  Model model;
  model.step(1, 0.05);
  model.step(2, 0.05);
  const MemoryUse before = model.backend->allocator().use();
  for (int64_t number = 3; number <= 6; ++number) model.step(number, 0.05);
  const MemoryUse after = model.backend->allocator().use();
  CHECK(after.reserved == before.reserved);
  CHECK(after.in_use == before.in_use);
  CHECK(after.peak == before.peak);
}

}  // namespace
}  // namespace amcl
