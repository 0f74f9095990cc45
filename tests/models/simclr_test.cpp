#include "models/methods/simclr.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/backend/open.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

SimClrOptions small(int64_t heads, const TemperatureChoice& temperature) {
  return {.backbone = {.width = 4},
          .projector = {.heads = heads, .hidden = 12, .dim = 8},
          .objective = contrastive_objective(temperature, "ntxent", 0.5)};
}

std::map<std::string, Tensor> parameters_of(Method& method) {
  std::map<std::string, Tensor> parameters;
  method.visit({.parameter = [&](const std::string& name,
                                 Parameter& parameter) { parameters[name] = parameter.value; },
                .buffer = [](const std::string&, Tensor&) {}});
  return parameters;
}

TEST_CASE("simclr: heads are stacked under projector.*, the backbone under backbone.") {
  const auto backend = open_backend("plain");
  SimClr method(*backend, 1, small(3, {.adaptive = true}));
  const std::map<std::string, Tensor> parameters = parameters_of(method);
  CHECK(parameters.at("backbone.conv1.weight").shape() == Shape{4, 3, 3, 3});
  CHECK(parameters.at("projector.*.0.weight").shape() == Shape{3, 12, 32});
  CHECK(parameters.at("projector.*.0.bias").shape() == Shape{3, 12});
  CHECK(parameters.at("projector.*.2.weight").shape() == Shape{3, 8, 12});
  CHECK(parameters.lower_bound("temperature_net.")->first.starts_with("temperature_net."));
  CHECK(method.feature_dim() == 32);
  CHECK(method.objective_name() == "amcl");
}

TEST_CASE("simclr: without head_hidden a head is as wide as the features") {
  const auto backend = open_backend("plain");
  SimClrOptions options = small(1, {.constant = 0.5});
  options.projector.hidden = 0;
  SimClr method(*backend, 1, options);
  CHECK(parameters_of(method).at("projector.*.0.weight").shape() == Shape{1, 32, 32});
}

TEST_CASE("simclr: a fixed temperature has no temperature net") {
  const auto backend = open_backend("plain");
  SimClr method(*backend, 1, small(1, {.constant = 0.2}));
  const std::map<std::string, Tensor> parameters = parameters_of(method);
  CHECK(parameters.lower_bound("temperature_net.") == parameters.end());
  CHECK(method.objective_name() == "ntxent");
}

TEST_CASE("simclr: the loss reaches every parameter, with constant and adaptive temperature") {
  const auto backend = open_backend("plain");
  for (const TemperatureChoice& temperature :
       {TemperatureChoice{.constant = 0.5}, TemperatureChoice{.adaptive = true}}) {
    CAPTURE(temperature.adaptive);
    SimClr method(*backend, 1, small(2, temperature));
    const TapeScope scope;
    const Projections projections = method.project(
        test::random_images(*backend, Shape{8, 8, 8, 3}, 1), {.batch_norm_groups = 2});
    REQUIRE(projections.size() == 1);
    CHECK(projections[0].shape() == Shape{2, 8, 8});
    const Loss loss = method.loss(projections);
    CHECK(std::isfinite(loss.total.item()));
    CHECK(loss.per_head.shape() == Shape{2});
    CHECK(loss.statistics.shape() == Shape{2, kPairStatistics});
    tape::backward(loss.total);
    method.visit({.parameter =
                      [](const std::string& name, Parameter& parameter) {
                        CAPTURE(name);
                        REQUIRE(parameter.slot.written);
                        double squares = 0.0;
                        for (const double g : parameter.slot.gradient.to_host<double>())
                          squares += g * g;
                        CHECK(squares > 0.0);
                      },
                  .buffer = [](const std::string&, Tensor&) {}});
  }
}

TEST_CASE("simclr: the chance level is log(2N - 1) per head at any constant temperature") {
  const auto backend = open_backend("plain");
  for (const double temperature : {0.1, 0.5}) {
    SimClr method(*backend, 1, small(3, {.constant = temperature}));
    CHECK(method.chance_level(16) == doctest::Approx(3 * std::log(31.0)));
  }
}

TEST_CASE("simclr: statistics per view and over both views give different projections") {
  const auto backend = open_backend("plain");
  SimClr method(*backend, 1, small(1, {.constant = 0.5}));
  const Tensor images = test::random_images(*backend, Shape{4, 8, 8, 3}, 1);
  CHECK(method.project(images, {.batch_norm_groups = 1})[0].to_host<float>() !=
        method.project(images, {.batch_norm_groups = 2})[0].to_host<float>());
}

TEST_CASE("simclr: heads out of range are refused") {
  const auto backend = open_backend("plain");
  SimClrOptions options = small(0, {.constant = 0.5});
  CHECK_THROWS_WITH_AS(SimClr(*backend, 1, options), "heads: must be at least 1, got 0", Error);
  options = small(1, {.constant = 0.5});
  options.projector.dim = 0;
  CHECK_THROWS_WITH_AS(SimClr(*backend, 1, options), "head_dim: must be at least 1, got 0", Error);
}

}  // namespace
}  // namespace amcl
