#include "train/step/step.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/backend/open.h"
#include "tests/support/rng.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"

namespace amcl {
namespace {

struct Model {
  std::unique_ptr<Backend> backend = open_backend("cpu");
  Config config;
  std::unique_ptr<Method> method;
  ParameterArena arena;
  Optimizer optimizer;
  Tensor images;

  explicit Model(const Config& settings, const OptimizerOptions& options = {})
      : config(settings),
        method(build_method(config, *backend)),
        arena(*backend, [this](const ModuleVisitor& visitor) { method->visit(visitor); }),
        optimizer(arena, options),
        images(test::Rng(3).normal(*backend, Shape{16, 8, 8, 3}, DType::f32)) {}
  explicit Model(const std::string& temperature = "adaptive", const OptimizerOptions& options = {})
      : config(test::tiny_config()),
        method(build(temperature)),
        arena(*backend, [this](const ModuleVisitor& visitor) { method->visit(visitor); }),
        optimizer(arena, options),
        images(test::Rng(3).normal(*backend, Shape{16, 8, 8, 3}, DType::f32)) {}

  std::unique_ptr<Method> build(const std::string& temperature) {
    config = test::tiny_config({{"temperature", temperature}});
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
  // The keys of MoCo; empty for other methods.
  std::vector<float> queue() {
    std::vector<float> keys;
    for_queue([&](Tensor& buffer) { keys = buffer.to_host<float>(); });
    return keys;
  }
  void set_queue(const std::vector<float>& keys) {
    for_queue([&](Tensor& buffer) {
      backend->copy_from_host(buffer.raw(), keys.data(), buffer.bytes());
    });
  }
  void for_queue(const std::function<void(Tensor&)>& body) {
    method->visit({.parameter = [](const std::string&, Parameter&) {},
                   .buffer =
                       [&](const std::string& name, Tensor& buffer) {
                         if (name.starts_with("queue.")) body(buffer);
                       }});
  }
  StepResult step(int64_t number, double rate) {
    return training_step(*method, arena, optimizer, images, {.number = number, .rate = rate},
                         {.context = training_context(config.method)});
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

TEST_CASE("step: the loss of a frozen batch falls, with every method") {
  for (const char* method : test::kMethods)
    for (const char* temperature : test::temperatures_of(method)) {
      CAPTURE(method);
      CAPTURE(temperature);
      Model model(test::tiny_config(method, temperature));
      const std::vector<float> queue = model.queue();
      const double first = model.step(1, 0.02).loss;
      double last = first;
      for (int64_t number = 2; number <= 15; ++number) {
        // Else the keys of these very images would become the negatives.
        model.set_queue(queue);
        last = model.step(number, 0.02).loss;
      }
      CHECK(last < first);
      CHECK(last < model.method->chance_level(8));
    }
}

// The gradients of a step in parts of `micro_batch` pairs; its loss in `loss`. Batch norm takes its
// running statistics, because its own would be those of each part.
std::vector<float> gradients_in_parts(Model& model, int64_t micro_batch, double& loss) {
  const StepResult result =
      training_step(*model.method, model.arena, model.optimizer, model.images, {.rate = 0.0},
                    {.micro_batch = micro_batch, .context = {.phase = Phase::eval}});
  loss = result.loss;
  return model.arena.gradients().to_host<float>();
}

TEST_CASE("step: micro-batches give the loss and the gradient of the whole batch") {
  for (const char* method : test::kMethods)
    for (const char* temperature : test::temperatures_of(method)) {
      CAPTURE(method);
      CAPTURE(temperature);
      Model model(test::tiny_config(method, temperature));
      double whole_loss = 0.0;
      const std::vector<float> whole = gradients_in_parts(model, 0, whole_loss);
      double norm = 0.0;
      for (const float g : whole) norm = std::max(norm, static_cast<double>(std::abs(g)));
      for (const int64_t pairs : {2, 4}) {
        Model parts(test::tiny_config(method, temperature));
        double loss = 0.0;
        const std::vector<float> gradients = gradients_in_parts(parts, pairs, loss);
        CHECK(loss == doctest::Approx(whole_loss).epsilon(1e-5));
        double difference = 0.0;
        for (size_t i = 0; i < whole.size(); ++i)
          difference = std::max(difference, static_cast<double>(std::abs(gradients[i] - whole[i])));
        CHECK(norm > 0.0);
        CHECK(difference < 1e-4 * norm);
      }
    }
}

TEST_CASE("step: micro-batches move the running statistics once") {
  const auto running_mean = [](Model& model) {
    std::vector<float> values;
    model.method->visit({.parameter = [](const std::string&, Parameter&) {},
                         .buffer =
                             [&](const std::string& name, Tensor& buffer) {
                               if (name == "backbone.bn1.running_mean")
                                 values = buffer.to_host<float>();
                             }});
    return values;
  };
  Model parts;
  training_step(*parts.method, parts.arena, parts.optimizer, parts.images, {},
                {.micro_batch = 4, .context = training_context(parts.config.method)});
  Model projected;
  const int64_t half = 8;
  for (const int64_t part : {0, 1}) {
    const std::vector views = {projected.images.slice(4 * part, 4 * part + 4),
                               projected.images.slice(half + 4 * part, half + 4 * part + 4)};
    projected.method->project(concat(views, 0), training_context(projected.config.method));
  }
  CHECK(running_mean(parts) == running_mean(projected));
}

TEST_CASE("step: the predictor of SimSiam moves at the peak of the schedule") {
  Model model(test::tiny_config("simsiam", "fixed"));
  const auto values = [&](bool constant) {
    std::vector<float> all;
    for (const ParameterArena::Entry& entry : model.arena.entries())
      if (entry.parameter->constant_rate == constant)
        for (const float value : entry.parameter->value.to_host<float>()) all.push_back(value);
    return all;
  };
  const std::vector<float> predictor = values(true);
  const std::vector<float> encoder = values(false);
  training_step(*model.method, model.arena, model.optimizer, model.images,
                {.rate = 0.0, .peak = 0.1}, {.context = training_context(model.config.method)});
  CHECK(values(false) == encoder);
  CHECK(values(true) != predictor);
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
