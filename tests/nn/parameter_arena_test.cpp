#include "engine/nn/parameter_arena.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "engine/nn/layers.h"

namespace amcl {
namespace {

struct TwoLayers {
  Linear first;
  Linear second;

  explicit TwoLayers(Initializer initializer)
      : first(initializer, 0, 3, 5), second(initializer, 0, 5, 1) {}
  void visit(const ModuleVisitor& visitor) {
    first.visit("first", visitor);
    second.visit("second", visitor);
  }
};

std::function<void(const ModuleVisitor&)> visit_of(TwoLayers& model) {
  return [&model](const ModuleVisitor& visitor) { model.visit(visitor); };
}

TEST_CASE("arena: parameters keep their values and become views of the flat block") {
  const auto backend = open_backend("plain");
  TwoLayers model(Initializer(*backend, 1));
  const std::vector<float> before = model.second.weight.value.to_host<float>();
  ParameterArena arena(*backend, visit_of(model));
  CHECK(model.second.weight.value.to_host<float>() == before);
  CHECK(arena.parameter_count() == 3 * 5 + 5 + 5 + 1);
  REQUIRE(arena.entries().size() == 4);
  CHECK(arena.entries()[2].name == "second.weight");
  for (const ParameterArena::Entry& entry : arena.entries()) CHECK(entry.begin % 16 == 0);

  backend->fill(arena.values(), 0.25);
  CHECK(model.first.bias.value.to_host<float>() == std::vector<float>(5, 0.25f));
  CHECK(model.second.weight.value.shape() == Shape{1, 5});
}

TEST_CASE("arena: backward writes into the flat gradients and overwrites the step before") {
  const auto backend = open_backend("plain");
  TwoLayers model(Initializer(*backend, 1));
  ParameterArena arena(*backend, visit_of(model));
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::from_host(*backend, Shape{2, 3}, std::span<const float>(values));
  std::vector<float> first_gradients;
  for (int step = 0; step < 2; ++step) {
    arena.begin_step();
    const TapeScope scope;
    tape::backward(sum(model.second.forward(model.first.forward(x))));
    arena.finish_step();
    const std::vector<float> gradients = arena.gradients().to_host<float>();
    const ParameterArena::Entry& bias = arena.entries()[3];
    CHECK(gradients[static_cast<size_t>(bias.begin)] == 2.0f);  // two rows
    if (step == 1) CHECK(gradients == first_gradients);
    first_gradients = gradients;
  }
}

TEST_CASE("arena: a parameter that the loss does not reach gets gradient zero") {
  const auto backend = open_backend("plain");
  TwoLayers model(Initializer(*backend, 1));
  ParameterArena arena(*backend, visit_of(model));
  backend->fill(arena.gradients(), 7.0);
  arena.begin_step();
  {
    const TapeScope scope;
    const std::vector<float> values{1, 2, 3};
    tape::backward(sum(model.first.forward(
        Tensor::from_host(*backend, Shape{1, 3}, std::span<const float>(values)))));
  }
  arena.finish_step();
  CHECK(model.first.bias.slot.gradient.to_host<float>() == std::vector<float>(5, 1.0f));
  CHECK(model.second.weight.slot.gradient.to_host<float>() == std::vector<float>(5, 0.0f));
}

TEST_CASE("arena: parameters of two types are refused by name") {
  const auto backend = open_backend("plain");
  Initializer single(*backend, 1);
  Initializer wide(*backend, 1, DType::f64);
  Linear first(single, 0, 2, 2);
  Linear second(wide, 0, 2, 2);
  const auto build = [&] {
    ParameterArena arena(*backend, [&](const ModuleVisitor& visitor) {
      first.visit("first", visitor);
      second.visit("second", visitor);
    });
  };
  CHECK_THROWS_WITH_AS(build(), "parameter arena: second.weight is f64, the others are f32", Error);
}

}  // namespace
}  // namespace amcl
