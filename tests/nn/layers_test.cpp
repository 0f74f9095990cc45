#include "engine/nn/layers.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

Tensor normal(Backend& backend, const Shape& shape, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<float> values(static_cast<size_t>(shape.count()));
  for (float& value : values) value = random.normal();
  return Tensor::from_host(backend, shape, std::span<const float>(values));
}

std::vector<std::string> names(const std::function<void(const ModuleVisitor&)>& visit) {
  std::vector<std::string> result;
  visit({.parameter = [&](const std::string& name, Parameter&) { result.push_back(name); },
         .buffer = [&](const std::string& name, Tensor&) { result.push_back(name); }});
  return result;
}

TEST_CASE("layers: names and roles are what checkpoints and the optimiser expect") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  Conv2d conv(initializer, 3, 8, 3, 1, 1);
  BatchNorm norm(initializer, 8);
  Linear linear(initializer, 2, 8, 4);
  Linear bare(initializer, 0, 8, 4, /*with_bias=*/false);
  BatchNorm fixed(initializer, 8, /*heads=*/2, /*with_affine=*/false);
  CHECK(names([&](const ModuleVisitor& v) { conv.visit("conv1", v); }) ==
        std::vector<std::string>{"conv1.weight"});
  CHECK(names([&](const ModuleVisitor& v) { norm.visit("bn1", v); }) ==
        std::vector<std::string>{"bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"});
  CHECK(names([&](const ModuleVisitor& v) { linear.visit("projector.*.0", v); }) ==
        std::vector<std::string>{"projector.*.0.weight", "projector.*.0.bias"});
  CHECK(conv.weight.role == ParameterRole::weight);
  CHECK(norm.weight.role == ParameterRole::norm);
  CHECK(norm.bias.role == ParameterRole::norm);
  CHECK(linear.bias.role == ParameterRole::bias);
  CHECK(linear.weight.stacked);
  CHECK(linear.bias.stacked);
  CHECK_FALSE(bare.weight.stacked);
  CHECK(names([&](const ModuleVisitor& v) { bare.visit("fc", v); }) ==
        std::vector<std::string>{"fc.weight"});
  CHECK(names([&](const ModuleVisitor& v) { fixed.visit("projector.*.1", v); }) ==
        std::vector<std::string>{"projector.*.1.running_mean", "projector.*.1.running_var"});
  CHECK(fixed.running.mean.shape() == Shape{2, 8});
}

TEST_CASE("layers: heads are linear layers side by side on the same features") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  Linear heads(initializer, 2, 5, 3);
  const Tensor x = normal(*backend, Shape{4, 5}, 1);
  const Tensor y = heads.forward(x);
  REQUIRE(y.shape() == Shape{2, 4, 3});
  for (int64_t head = 0; head < 2; ++head) {
    const Tensor alone = linear(x, heads.weight.value.slice(head, head + 1).view(Shape{3, 5}),
                                heads.bias.value.slice(head, head + 1).view(Shape{3}));
    CHECK(y.slice(head, head + 1).to_host<float>() == alone.to_host<float>());
  }
}

TEST_CASE("batch norm: groups have statistics of their own, in training only") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  BatchNorm norm(initializer, 3);
  const Tensor x = normal(*backend, Shape{4, 2, 2, 3}, 2);
  const Tensor joint = norm.forward(x, {.batch_norm_groups = 1}, false);
  const Tensor split = norm.forward(x, {.batch_norm_groups = 2}, false);
  CHECK(joint.to_host<float>() != split.to_host<float>());
  const Tensor first = norm.forward(x.slice(0, 2), {.batch_norm_groups = 1}, false);
  CHECK(split.slice(0, 2).to_host<float>() == first.to_host<float>());
  const ForwardContext eval{.phase = Phase::eval, .batch_norm_groups = 2};
  CHECK(norm.forward(x.slice(0, 3), eval, false).to_host<float>() ==
        norm.forward(x, eval, false).slice(0, 3).to_host<float>());
}

TEST_CASE("batch norm: running statistics move in training, and only where asked") {
  const auto backend = open_backend("plain");
  Initializer initializer(*backend, 1);
  BatchNorm norm(initializer, 2);
  const Tensor x = normal(*backend, Shape{4, 3, 3, 2}, 3);
  const std::vector<float> fresh_mean = norm.running.mean.to_host<float>();
  CHECK(fresh_mean == std::vector<float>{0.0f, 0.0f});
  CHECK(norm.running.variance.to_host<float>() == std::vector<float>{1.0f, 1.0f});
  norm.forward(x, {.phase = Phase::eval}, true);
  norm.forward(x, {.update_running_statistics = false}, true);
  CHECK(norm.running.mean.to_host<float>() == fresh_mean);
  norm.forward(x, {}, true);
  CHECK(norm.running.mean.to_host<float>() != fresh_mean);
}

}  // namespace
}  // namespace amcl
