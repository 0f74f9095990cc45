// What holds for every method, plain and with adaptive temperatures.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>

#include "engine/backend/open.h"
#include "models/methods/barlow_twins.h"
#include "models/methods/byol.h"
#include "models/methods/lejepa.h"
#include "models/methods/moco.h"
#include "models/methods/sim_siam.h"
#include "models/methods/simclr.h"
#include "models/objectives/head_decorrelation.h"
#include "models/objectives/temperature_statistics.h"
#include "tests/models/random_images.h"

namespace amcl {
namespace {

constexpr int64_t kHeads = 2;
constexpr int64_t kImages = 4;

ProjectionHeadOptions small_head(HeadNorm norm) {
  return {.heads = kHeads, .hidden = 12, .dim = 8, .norm = norm};
}

ObjectiveOptions objective(bool adaptive, const ObjectiveOptions& preset) {
  return adaptive ? preset : ObjectiveOptions{};
}

ObjectiveOptions amcl_objective() {
  return contrastive_objective({.adaptive = true}, "ntxent", 0.5);
}

std::unique_ptr<Method> make(const std::string& name, bool adaptive, Backend& backend) {
  const ResNetOptions backbone{.width = 4};
  if (name == "simclr")
    return std::make_unique<SimClr>(
        backend, 1,
        SimClrOptions{backbone, small_head(HeadNorm::none), objective(adaptive, amcl_objective())});
  if (name == "moco")
    return std::make_unique<Moco>(backend, 1,
                                  MocoOptions{.backbone = backbone,
                                              .projector = small_head(HeadNorm::none),
                                              .objective = objective(adaptive, amcl_objective()),
                                              .queue = 24});
  if (name == "barlow")
    return std::make_unique<BarlowTwins>(
        backend, 1,
        BarlowTwinsOptions{.backbone = backbone,
                           .projector = small_head(HeadNorm::hidden),
                           .objective = objective(adaptive, amcl_barlow_objective()),
                           .barlow = {}});
  if (name == "byol")
    return std::make_unique<Byol>(backend, 1,
                                  ByolOptions{.backbone = backbone,
                                              .projector = small_head(HeadNorm::hidden),
                                              .predictor_hidden = 6});
  if (name == "lejepa")
    return std::make_unique<Lejepa>(
        backend, 1,
        LejepaOptions{
            .backbone = backbone, .projector = small_head(HeadNorm::hidden), .slices = 16});
  return std::make_unique<SimSiam>(
      backend, 1,
      SimSiamOptions{.backbone = backbone,
                     .projector = small_head(HeadNorm::all),
                     .predictor_hidden = 6,
                     .objective = objective(adaptive, amcl_simsiam_objective())});
}

void for_each_method(const std::function<void(Method&, Backend&)>& body) {
  const auto backend = open_backend("plain");
  for (const char* name : {"simclr", "moco", "barlow", "simsiam"})
    for (const bool adaptive : {false, true}) {
      CAPTURE(name);
      CAPTURE(adaptive);
      body(*make(name, adaptive, *backend), *backend);
    }
  for (const char* name : {"byol", "lejepa"}) {
    CAPTURE(name);
    body(*make(name, false, *backend), *backend);
  }
}

Tensor random_views(Backend& backend) {
  return test::random_images(backend, Shape{2 * kImages, 8, 8, 3}, 1);
}

Projections zeros(const Projections& like) {
  Projections result;
  for (const Tensor& one : like)
    result.push_back(Tensor::zeros(one.device(), one.shape(), one.dtype()));
  return result;
}

TEST_CASE("methods: the loss reaches every parameter, and no buffer is one") {
  for_each_method([](Method& method, Backend& backend) {
    const TapeScope scope;
    method.prepare_step(1, 4);
    method.begin_step();
    const Projections projections = method.project(random_views(backend), {.batch_norm_groups = 2});
    CHECK(projections.front().shape() == Shape{kHeads, 2 * kImages, 8});
    const Loss loss = method.loss(projections);
    CHECK(std::isfinite(loss.total.item()));
    CHECK(loss.per_head.shape() == Shape{kHeads});
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
    method.finish_step({});
  });
}

TEST_CASE("methods: the chance level is the loss of projections without a similarity") {
  for_each_method([](Method& method, Backend& backend) {
    const Projections like = method.project(random_views(backend), {.batch_norm_groups = 2});
    // Zero rows have similarity 0 to all, and a net of zeros gives the score 0.
    method.visit({.parameter =
                      [&](const std::string& name, Parameter& parameter) {
                        if (name.starts_with("temperature_net."))
                          backend.fill(parameter.value, 0.0);
                      },
                  .buffer = [](const std::string&, Tensor&) {}});
    CHECK(method.loss(zeros(like)).total.item() ==
          doctest::Approx(method.chance_level(kImages)).epsilon(1e-5));
  });
}

TEST_CASE("methods: with the same seed all have the same encoder to start with") {
  const auto backend = open_backend("plain");
  const auto first_weights = [&](Method& method) {
    std::vector<float> values;
    method.visit({.parameter =
                      [&](const std::string&, Parameter& parameter) {
                        if (values.empty()) values = parameter.value.to_host<float>();
                      },
                  .buffer = [](const std::string&, Tensor&) {}});
    return values;
  };
  const std::vector<float> weights = first_weights(*make("simclr", false, *backend));
  for (const char* name : {"moco", "barlow", "simsiam", "byol", "lejepa"})
    CHECK(first_weights(*make(name, false, *backend)) == weights);
}

TEST_CASE("methods: the rate of SimSiam's predictors alone is constant, and times the heads") {
  for_each_method([](Method& method, Backend&) {
    const bool simsiam = dynamic_cast<SimSiam*>(&method) != nullptr;
    method.visit(
        {.parameter =
             [simsiam](const std::string& name, Parameter& parameter) {
               CAPTURE(name);
               const bool is_predictor = simsiam && name.starts_with("predictor.");
               CHECK(parameter.constant_rate == is_predictor);
               const int64_t heads = parameter.stacked ? parameter.value.dim(0) : int64_t{1};
               CHECK(parameter.rate_scale == (is_predictor ? static_cast<double>(heads) : 1.0));
             },
         .buffer = [](const std::string&, Tensor&) {}});
  });
}

TEST_CASE("sim_siam: the projections are constants of the loss") {
  const auto backend = open_backend("plain");
  const auto method = make("simsiam", true, *backend);
  const TapeScope scope;
  const Projections made = method->project(random_views(*backend), {.batch_norm_groups = 2});
  const Projections leaves = {tape::leaf(tape::detach(made[0])), tape::leaf(tape::detach(made[1]))};
  tape::backward(method->loss(leaves).total);
  CHECK_FALSE(tape::gradient(leaves[0]).defined());
  CHECK(tape::gradient(leaves[1]).defined());
}

TEST_CASE("methods: adaptive temperatures are reported per head, within their bounds") {
  for_each_method([](Method& method, Backend& backend) {
    if (method.objective_name() != "amcl") return;
    const Loss loss = method.loss(method.project(random_views(backend), {.batch_norm_groups = 2}));
    REQUIRE(loss.statistics.shape() == Shape{kHeads, kPairStatistics});
    const std::vector<double> values = loss.statistics.to_host<double>();
    for (size_t head = 0; head < kHeads; ++head) {
      const auto value = [&](PairStatistic statistic) {
        return values[head * kPairStatistics + statistic];
      };
      CHECK(value(kTemperatureMin) >= 0.05 - 1e-6);
      CHECK(value(kTemperatureMax) <= 2.0);
      CHECK(value(kTemperatureMin) <= value(kPositiveTemperatureMean));
      CHECK(value(kPositiveTemperatureMean) <= value(kTemperatureMax));
      CHECK(std::abs(value(kPositiveSimilarityMean)) <= 1.0 + 1e-6);
      CHECK(value(kTemperatureAtBound) < 0.5);
    }
  });
}

TEST_CASE(
    "methods: without scores all temperatures are that of score 0, with all of them their own") {
  for_each_method([](Method& method, Backend& backend) {
    if (method.objective_name() != "amcl") return;
    const Projections made = method.project(random_views(backend), {.batch_norm_groups = 2});
    const auto spread = [&] {
      const Loss loss = method.loss(made);
      const auto values = loss.statistics.to_host<double>();
      return values[kTemperatureMax] - values[kTemperatureMin];
    };
    const double loss = method.loss(made).total.item();
    const double own = spread();
    CHECK(own > 1e-4);
    method.set_temperature_warmup(0.0);
    CHECK(spread() < 1e-6);
    method.set_temperature_warmup(0.5);
    CHECK(spread() > 0.2 * own);
    CHECK(spread() < 0.8 * own);
    method.set_temperature_warmup(1.0);
    CHECK(method.loss(made).total.item() == loss);
  });
}

TEST_CASE(
    "sim_siam: with features as many as usual the first temperatures are near that of score 0") {
  const auto backend = open_backend("plain");
  SimSiam method(*backend, 1,
                 {.backbone = {.width = 4},
                  .projector = {.hidden = 12, .dim = SimSiamOptions{}.projector.dim},
                  .predictor_hidden = 6,
                  .objective = amcl_simsiam_objective()});
  const Loss loss = method.loss(method.project(random_views(*backend), {.batch_norm_groups = 2}));
  const auto values = loss.statistics.to_host<double>();
  CHECK(values[kTemperatureMin] > 0.8);  // of 0.1 to 2, in whose middle they are for score 0
  CHECK(values[kTemperatureMax] < 1.05);
}

TEST_CASE("methods: the decorrelation of the heads enters the total with its weight") {
  const auto backend = open_backend("plain");
  const auto make_with = [&](double weight) {
    return SimClr(*backend, 1,
                  {.backbone = {.width = 4},
                   .projector = small_head(HeadNorm::none),
                   .objective = {.head_decorrelation = weight}});
  };
  SimClr without = make_with(0.0);
  SimClr with = make_with(2.0);
  const Projections z = with.project(random_views(*backend), {.batch_norm_groups = 2});
  const Loss plain = without.loss(z);
  const Loss more = with.loss(z);
  CHECK(more.total.item() - plain.total.item() ==
        doctest::Approx(2.0 * head_decorrelation(z.front()).item()).epsilon(1e-5));
  CHECK(more.per_head.to_host<float>() == plain.per_head.to_host<float>());
}

TEST_CASE("temperature_statistics: moments, extremes and shares of known pairs") {
  const auto backend = open_backend("plain");
  const auto tensor = [&](const Shape& shape, const std::vector<float>& values) {
    return Tensor::from_host<float>(*backend, shape, values);
  };
  // Two positives on the diagonal of 2 x 2 pairs.
  const PairValues positive{tensor({1, 2}, {0.5F, 0.7F}), tensor({1, 2}, {0.5F, 1.0F})};
  const PairValues all{tensor({1, 4}, {0.5F, -0.2F, 0.0F, 0.7F}),
                       tensor({1, 4}, {0.5F, 2.0F, 2.0F, 1.0F})};
  const TemperatureRange range{.low = 0.5, .high = 2.0};
  const std::vector<double> values = temperature_statistics(positive, all, range).to_host<double>();
  CHECK(values[kPositiveSimilarityMean] == doctest::Approx(0.6));
  CHECK(values[kPositiveSimilarityStd] == doctest::Approx(0.1));
  CHECK(values[kNegativeSimilarityMean] == doctest::Approx(-0.1));
  CHECK(values[kNegativeSimilarityStd] == doctest::Approx(0.1));
  CHECK(values[kPositiveTemperatureMean] == doctest::Approx(0.75));
  CHECK(values[kNegativeTemperatureMean] == doctest::Approx(2.0));
  CHECK(values[kTemperatureMin] == doctest::Approx(0.5));
  CHECK(values[kTemperatureMax] == doctest::Approx(2.0));
  CHECK(values[kTemperatureAtBound] == doctest::Approx(0.5));  // of the positives
  CHECK(values[kLogitAbsMax] == doctest::Approx(1.0));
  const std::vector<double> alone = temperature_statistics(positive, {}, range).to_host<double>();
  CHECK(std::isnan(alone[kNegativeSimilarityMean]));
  CHECK(alone[kTemperatureAtBound] == doctest::Approx(0.5));
}

TEST_CASE("barlow_twins: the scale multiplies loss and chance level") {
  const auto backend = open_backend("plain");
  BarlowTwinsOptions options{.backbone = {.width = 4},
                             .projector = small_head(HeadNorm::hidden),
                             .objective = {},
                             .barlow = {}};
  BarlowTwins whole(*backend, 1, options);
  options.scale = 0.1;
  BarlowTwins tenth(*backend, 1, options);
  const Projections z = whole.project(random_views(*backend), {.batch_norm_groups = 2});
  CHECK(tenth.loss(z).total.item() ==
        doctest::Approx(0.1 * whole.loss(z).total.item()).epsilon(1e-5));
  CHECK(tenth.chance_level(kImages) == doctest::Approx(0.1 * kHeads * 8));
}

TEST_CASE("barlow_twins: a net over the columns reads one batch size only") {
  const auto backend = open_backend("plain");
  BarlowTwins method(*backend, 1,
                     {.backbone = {.width = 4},
                      .projector = small_head(HeadNorm::hidden),
                      .objective = amcl_barlow_objective(),
                      .barlow = {},
                      .fit = BarlowFit::inside,
                      .score = BarlowScore::columns,
                      .batch = kImages});
  const Tensor images = random_views(*backend);
  CHECK(std::isfinite(method.loss(method.project(images, {.batch_norm_groups = 2})).total.item()));
  const Projections fewer = method.project(images.slice(0, 6), {.batch_norm_groups = 2});
  CHECK_THROWS_WITH_AS(method.loss(fewer), doctest::Contains("the batch size is frozen into it"),
                       Error);
}

}  // namespace
}  // namespace amcl
