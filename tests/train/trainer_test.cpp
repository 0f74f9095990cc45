#include "train/run/trainer.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "tests/support/backends.h"
#include "tests/train/tiny_training.h"

namespace amcl {
namespace {

struct Trained {
  std::vector<double> losses;
  std::vector<float> values;

  bool operator==(const Trained&) const = default;
};

Trained train(const Config& config, int64_t steps, int64_t images, int64_t side) {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, images, side);
  Trainer trainer(*backend, dataset, config);
  Trained trained;
  for (int64_t step = 0; step < steps; ++step) trained.losses.push_back(trainer.step().loss);
  trained.values = trainer.arena().values().to_host<float>();
  return trained;
}

TEST_CASE("trainer: 64 images are learned by heart") {
  const Config config = test::tiny_config({{"width", "8"},
                                           {"heads", "1"},
                                           {"head_hidden", "64"},
                                           {"head_dim", "32"},
                                           {"temperature", "0.1"},
                                           {"crop_scale", "1,1"},
                                           {"jitter", "0"},
                                           {"grayscale", "0"},
                                           {"batch", "64"},
                                           {"epochs", "30"},
                                           {"lr", "0.1"},
                                           {"clip_norm", "1"}});
  const Trained trained = train(config, 30, 64, 8);
  // Chance is log(127) = 4.84. Only flips differ between the views of an image.
  CHECK(trained.losses.front() > 3.5);
  CHECK(trained.losses.back() < 0.5);
}

// The views are drawn alike on every device and agree up to rounding.
TEST_CASE("trainer: every device takes the same first steps") {
  const auto losses = [](Backend& backend) {
    const Dataset dataset = test::random_dataset(backend, 16, 12);
    Trainer trainer(backend, dataset, test::tiny_config());
    std::vector<double> result;
    for (int64_t step = 0; step < 3; ++step) result.push_back(trainer.step().loss);
    return result;
  };
  const std::vector<double> wanted = losses(test::plain());
  for (Backend* backend : test::fast_backends()) {
    CAPTURE(backend->name());
    const std::vector<double> got = losses(*backend);
    for (size_t i = 0; i < wanted.size(); ++i)
      CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-3));
  }
}

TEST_CASE("trainer: the same seed gives the same bits, for any number of workers") {
  Config config = test::tiny_config();
  config.augment.blur = 0.5;
  config.train.workers = 0;
  const Trained reference = train(config, 5, 24, 12);  // runs into the second epoch
  CHECK(train(config, 5, 24, 12) == reference);
  for (const int64_t workers : {1, 3}) {
    CAPTURE(workers);
    config.train.workers = workers;
    CHECK(train(config, 5, 24, 12) == reference);
  }
  config.train.seed = 2;
  CHECK(train(config, 5, 24, 12) != reference);
}

TEST_CASE("trainer: the seed draws the views, not the weights alone") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 16, 8);
  Config config = test::tiny_config();
  Trainer first(*backend, dataset, config);
  config.train.seed = 2;
  Trainer second(*backend, dataset, config);
  Tensor& values = second.arena().values();
  backend->copy(values.raw(), first.arena().values().raw(), values.bytes());
  CHECK(first.step().loss != second.step().loss);
}

TEST_CASE("trainer: the schedule covers the run, with the warm-up in epochs") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 35, 8);
  const Config config =
      test::tiny_config({{"epochs", "5"}, {"warmup_epochs", "1.5"}, {"lr", "0.3"}});
  Trainer trainer(*backend, dataset, config);
  CHECK(trainer.steps_per_epoch() == 4);  // the last 3 images of 35 fill no batch
  CHECK(trainer.steps() == 20);
  CHECK(trainer.schedule().warmup == 6);
  CHECK(trainer.schedule().rate(0) == doctest::Approx(0.05));
  CHECK(trainer.schedule().rate(6) == doctest::Approx(0.3));
}

TEST_CASE("trainer: temperatures that warm up start alike and differ more from step to step") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 32, 8);
  for (const char* method : test::kMethods) {
    CAPTURE(method);
    if (!method_traits(method).has_amcl) continue;
    Config config =
        test::tiny_config(method, "adaptive", {{"temperature_warmup_epochs", "1"}, {"lr", "0"}});
    Trainer trainer(*backend, dataset, config);
    std::vector<double> spreads;
    for (int64_t step = 0; step <= trainer.steps_per_epoch(); ++step) {
      const std::vector<double> statistics = trainer.step().statistics;
      spreads.push_back(statistics[kTemperatureMax] - statistics[kTemperatureMin]);
    }
    test::set(config, {{"temperature_warmup_epochs", "0"}});
    Trainer at_once(*backend, dataset, config);
    const std::vector<double> whole = at_once.step().statistics;
    CHECK(spreads.front() < 1e-6);
    CHECK(spreads[1] > spreads.front());
    CHECK(spreads[1] < 0.5 * spreads.back());
    CHECK(spreads.back() ==
          doctest::Approx(whole[kTemperatureMax] - whole[kTemperatureMin]).epsilon(0.5));
  }
}

TEST_CASE("trainer: the one rule that scales the rate is the reference batch") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 16, 8);
  Config config = test::tiny_config();
  config.schedule.lr = 0.4;
  config.schedule.warmup_steps = 1;
  CHECK(Trainer(*backend, dataset, config).schedule().peak == 0.4);
  config.schedule.lr_reference_batch = 256;
  config.schedule.floor = 0.5;
  const Schedule schedule = Trainer(*backend, dataset, config).schedule();
  CHECK(schedule.peak == doctest::Approx(0.4 * 8 / 256));
  CHECK(schedule.floor == doctest::Approx(0.5 * schedule.peak));
  CHECK(schedule.warmup == 1);
  config.schedule.warmup_steps = 5;
  CHECK_THROWS_WITH_AS(Trainer(*backend, dataset, config),
                       doctest::Contains("5 is more than the 4 steps of the run"), Error);
}

TEST_CASE("trainer: milestones in epochs become steps") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 16, 8);
  const Config config = test::tiny_config({{"schedule", "step"}, {"milestones", "0.5,1"}});
  const Schedule schedule = Trainer(*backend, dataset, config).schedule();
  CHECK(schedule.milestones == std::vector<int64_t>{1, 2});
  CHECK(schedule.rate(3) == doctest::Approx(0.06 * 0.01));
}

TEST_CASE("trainer: every optimiser goes on from its checkpoint to the same bits") {
  for (const char* optimizer : {"sgd", "lars", "adamw"}) {
    CAPTURE(optimizer);
    const auto backend = open_backend("cpu");
    const Dataset dataset = test::random_dataset(*backend, 16, 8);
    const Config config = test::tiny_config({{"optimizer", optimizer}, {"lr", "0.01"}});
    Trainer whole(*backend, dataset, config);
    Trainer first(*backend, dataset, config);
    for (int step = 0; step < 4; ++step) whole.step();
    for (int step = 0; step < 2; ++step) first.step();
    Checkpoint checkpoint{.path = "memory", .file = first.checkpoint(), .state = {}};
    checkpoint.state = trainer_state_from(checkpoint.file.metadata, checkpoint.path);
    Trainer second(*backend, dataset, config);
    second.restore(checkpoint);
    for (int step = 0; step < 2; ++step) second.step();
    CHECK(second.arena().values().to_host<float>() == whole.arena().values().to_host<float>());

    // And the state matters: without it the bits are others.
    for (OptimizerMemory& memory : first.optimizer().memories()) backend->fill(memory.flat, 0.0);
    for (int step = 0; step < 2; ++step) first.step();
    CHECK(first.arena().values().to_host<float>() != whole.arena().values().to_host<float>());
  }
}

TEST_CASE("trainer: statistics per view differ from joint ones") {
  Config config = test::tiny_config();
  const Trained separate = train(config, 2, 16, 8);
  test::set(config, {{"bn_views", "joint"}});
  CHECK(train(config, 2, 16, 8) != separate);
}

TEST_CASE("trainer: a batch larger than the set is refused with both numbers") {
  const auto backend = open_backend("cpu");
  const Dataset dataset = test::random_dataset(*backend, 6, 8);
  CHECK_THROWS_WITH_AS(Trainer(*backend, dataset, test::tiny_config()),
                       doctest::Contains("8 is larger than random images with its 6 images"),
                       Error);
}

}  // namespace
}  // namespace amcl
