// Training steps that are recorded once and replayed, on the emulated GPU: the same bits as steps that
// are launched anew.
#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <map>

#include "engine/backend/open.h"
#include "tests/support/cuda_emulation/emulated_backend.h"
#include "tests/support/rng.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"
#include "train/run/trainer.h"

namespace amcl {
namespace {

using emulation::EmulatedBackend;

constexpr int64_t kPairs = 4;
constexpr int64_t kSide = 4;
constexpr int kSteps = 4;  // two eager ones and two replays

Tensor random_images(Backend& backend, uint64_t seed) {
  return test::Rng(seed).normal(backend, Shape{2 * kPairs, kSide, kSide, 3}, DType::f32);
}

std::vector<uint64_t> bits(const std::vector<double>& values) {
  std::vector<uint64_t> result;
  for (const double value : values) result.push_back(std::bit_cast<uint64_t>(value));
  return result;
}

// A run of steps with its own GPU.
class Run {
 public:
  // `order`: of blocks and threads.
  Run(const Config& config, bool capture, uint64_t order = 0)
      : backend(order, emulation::Memory::pooled),
        context(training_context(config.method)),
        method(build_method(config, backend)),
        arena(backend, visit()),
        optimizer(arena, config.optimizer),
        images(random_images(backend, 1)),
        step(
            method_ref(), arena, optimizer, [this] { return images; },
            {.micro_batch = config.train.micro_batch, .context = context}, capture),
        warms_up(common(config.method).objective.temperature_warmup_epochs > 0.0) {
    // A replay that reads what nobody wrote in it shows.
    backend.allocator().poison(true);
  }

  // Step `number` from 1, on images and at a rate of its own.
  void launch(int64_t step_number) {
    number = step_number;
    const Tensor fresh = random_images(backend, static_cast<uint64_t>(number));
    backend.copy(images.raw(), fresh.raw(), images.bytes());
    StepNumbers numbers{.number = number,
                        .steps = kSteps,
                        .rate = 0.01 * static_cast<double>(number),
                        .peak = 0.02};
    if (warms_up) numbers.temperature_warmup = 0.2 * static_cast<double>(number);
    step.launch(numbers);
  }
  // Everything that a step changes: parameters, optimiser, running statistics, queue.
  std::map<std::string, std::vector<float>> state() {
    std::map<std::string, std::vector<float>> result;
    method->visit({.parameter = [&](const std::string& name,
                                    Parameter& one) { result[name] = one.value.to_host<float>(); },
                   .buffer = [&](const std::string& name,
                                 Tensor& buffer) { result[name] = buffer.to_host<float>(); }});
    for (const OptimizerMemory& memory : optimizer.memories())
      result["optimizer." + memory.name] = memory.flat.to_host<float>();
    return result;
  }

  EmulatedBackend backend;
  ForwardContext context;
  std::unique_ptr<Method> method;
  ParameterArena arena;
  Optimizer optimizer;
  Tensor images;
  RepeatedStep step;
  int64_t number = 0;  // of the last step
  bool warms_up;       // whether each step has a share of the scores of its own

 private:
  std::function<void(const ModuleVisitor&)> visit() {
    return [this](const ModuleVisitor& visitor) { method->visit(visitor); };
  }
  Method& method_ref() { return *method; }
};

Config small_config(const std::string& method, const std::string& temperature, int64_t heads,
                    test::Settings changes = {}) {
  changes.merge(test::Settings{{"width", "2"},
                               {"heads", std::to_string(heads)},
                               {"head_hidden", "4"},
                               {"head_dim", "4"},
                               {"clip_norm", "1"}});
  return test::tiny_config(method, temperature, std::move(changes));
}

// `between` is done on the captured run after each step.
template <class Between>
void check_same_bits(const Config& config, Between&& between) {
  Run eager(config, /*capture=*/false);
  Run captured(config, /*capture=*/true);
  for (int64_t number = 1; number <= kSteps; ++number) {
    eager.launch(number);
    captured.launch(number);
    const StepResult want = eager.step.result();
    const StepResult got = captured.step.result();
    CHECK(got.loss == want.loss);
    CHECK(got.gradient_norm == want.gradient_norm);
    CHECK(got.per_head == want.per_head);
    CHECK(bits(got.statistics) == bits(want.statistics));  // what is not there is not a number
    CHECK(got.features.to_host<float>() == want.features.to_host<float>());
    CHECK(captured.step.captured() == (number > 2));
    between(captured);
  }
  CHECK_FALSE(eager.step.captured());
  CHECK(captured.state() == eager.state());
}

void check_same_bits(const Config& config) {
  check_same_bits(config, [](Run&) {});
}

TEST_CASE("captured step: SimCLR has the bits of eager steps") {
  check_same_bits(small_config("simclr", "0.2", 1));
}

TEST_CASE("captured step: AMCL with three heads, and adamw, which reads the step's number") {
  check_same_bits(small_config("simclr", "adaptive", 3, {{"optimizer", "adamw"}}));
}

TEST_CASE("captured step: temperatures that warm up, and heads that are kept apart") {
  check_same_bits(
      small_config("simclr", "adaptive", 3,
                   {{"temperature_warmup_epochs", "1"}, {"head_decorrelation", "0.5"}}));
}

TEST_CASE("captured step: MoCo, whose shuffles and queue go on with the number of the step") {
  check_same_bits(small_config("moco", "adaptive", 2));
}

TEST_CASE("captured step: SimSiam, whose predictor keeps the peak rate, with lars") {
  check_same_bits(small_config("simsiam", "adaptive", 2, {{"optimizer", "lars"}}));
}

TEST_CASE("captured step: Barlow Twins") {
  check_same_bits(small_config("barlow", "adaptive", 1));
}

TEST_CASE("captured step: BYOL, whose momentum goes on with the number of the step") {
  check_same_bits(small_config("byol", "fixed", 2));
}

TEST_CASE("captured step: LeJEPA, which draws directions for each step") {
  check_same_bits(small_config("lejepa", "fixed", 2));
}

TEST_CASE("training on a GPU: BYOL and LeJEPA go as on the plain backend") {
  for (const char* method : {"byol", "lejepa"}) {
    CAPTURE(method);
    const Config config = small_config(method, "fixed", 2);
    Run emulated(config, /*capture=*/false);
    const auto plain = open_backend("plain");
    const auto same = build_method(config, *plain);
    ParameterArena arena(*plain, [&](const ModuleVisitor& visitor) { same->visit(visitor); });
    Optimizer optimizer(arena, config.optimizer);
    for (int64_t number = 1; number <= kSteps; ++number) {
      emulated.launch(number);
      const StepResult got = emulated.step.result();
      const StepResult want = training_step(*same, arena, optimizer,
                                            random_images(*plain, static_cast<uint64_t>(number)),
                                            {.number = number,
                                             .steps = kSteps,
                                             .rate = 0.01 * static_cast<double>(number),
                                             .peak = 0.02},
                                            {.context = emulated.context});
      CHECK(got.loss == doctest::Approx(want.loss).epsilon(1e-3));
      CHECK(got.gradient_norm == doctest::Approx(want.gradient_norm).epsilon(1e-2));
    }
  }
}

TEST_CASE("captured step: micro-batches") {
  Config config = small_config("simclr", "adaptive", 1);
  config.train.micro_batch = 2;
  check_same_bits(config);
}

TEST_CASE("training on a GPU: any order of blocks and threads gives the same bits") {
  const Config config = small_config("simclr", "adaptive", 3);
  Run ascending(config, /*capture=*/true);
  Run shuffled(config, /*capture=*/true, /*order=*/7);
  for (int64_t number = 1; number <= kSteps; ++number) {
    ascending.launch(number);
    shuffled.launch(number);
    CHECK(bits({ascending.step.result().loss}) == bits({shuffled.step.result().loss}));
  }
  CHECK(ascending.state() == shuffled.state());
}

TEST_CASE("captured step: what is computed between steps does not disturb it, nor it that") {
  const ForwardContext eval{.phase = Phase::eval};
  std::vector<Tensor> held;  // of as many sizes as a step has
  check_same_bits(small_config("simclr", "adaptive", 1), [&](Run& run) {
    for (const Tensor& one : held)
      REQUIRE(one.to_host<float>() == std::vector<float>(static_cast<size_t>(one.count()), 1.0F));
    const Tensor images = test::Rng(77).normal(run.backend, Shape{3, 6, 6, 3}, DType::f32);
    const std::vector<float> features = run.method->features(images, eval).to_host<float>();
    held.clear();
    if (run.number == kSteps - 1)  // from the recording to the last replay
      for (int64_t size = 1; size < 5000; size += 1 + size / 3)
        for (int copies = 0; copies < 8; ++copies) {
          held.push_back(Tensor::empty(run.backend, Shape{size}, DType::f32));
          run.backend.fill(held.back(), 1.0);
        }
    CHECK(run.method->features(images, eval).to_host<float>() == features);
  });
}

TEST_CASE("captured step: it lives on the memory of the eager steps and does not grow") {
  const Config config = small_config("simclr", "0.2", 1);
  Run run(config, /*capture=*/true);
  for (int64_t number = 1; number <= 2; ++number) run.launch(number);
  const int64_t eager = run.backend.allocator().use().reserved;
  for (int64_t number = 3; number <= 4; ++number) run.launch(number);
  const MemoryUse captured = run.backend.allocator().use();
  CHECK(captured.reserved <= eager + eager / 10);
  for (int64_t number = 5; number <= 6; ++number) run.launch(number);
  CHECK(run.backend.allocator().use().reserved == captured.reserved);
  CHECK(run.backend.allocator().use().in_use == captured.in_use);
}

TEST_CASE("captured step: one that fails is named when the next is given, and neither is taken") {
  Run run(small_config("moco", "0.2", 1), /*capture=*/true);
  for (int64_t number = 1; number <= 3; ++number) run.launch(number);
  run.step.result();
  auto before = run.state();
  run.backend.fill(run.images, std::numeric_limits<double>::infinity());
  run.step.launch({.number = 4, .rate = 0.5});
  CHECK_THROWS_WITH_AS(run.launch(5), doctest::Contains("the loss of step 4 is not finite"), Error);
  auto after = run.state();
  // What moves before the loss is known has moved.
  const auto moves_early = [](const auto& entry) {
    return entry.first.starts_with("momentum_encoder.") ||
           entry.first.find("running_") != std::string::npos;
  };
  std::erase_if(before, moves_early);
  std::erase_if(after, moves_early);
  CHECK(before.size() > 10);
  CHECK(after == before);
}

// The data set lives on the device, whose part of the step begins with the views.
TEST_CASE("captured step: from the augmentation on, over the end of an epoch") {
  Config config = small_config("simclr", "adaptive", 1);
  config.train.batch = kPairs;
  config.train.workers = 0;
  config.train.epochs = 2;
  const auto train = [&](bool capture) {
    config.train.capture = capture;
    EmulatedBackend backend(0, emulation::Memory::pooled);
    const Dataset dataset = test::random_dataset(backend, 3 * kPairs, 6);
    Trainer trainer(backend, dataset, config);
    std::vector<double> losses;
    while (trainer.finished_steps() < 5) losses.push_back(trainer.step().loss);
    CHECK(trainer.captured() == capture);
    return std::pair(losses, trainer.arena().values().to_host<float>());
  };
  const auto eager = train(false);
  CHECK(train(true) == eager);
}

TEST_CASE("step graph: a number passed by value is frozen, one in device memory is not") {
  EmulatedBackend backend(0, emulation::Memory::pooled);
  double by_value = 1.0;
  Tensor in_memory = Tensor::zeros(backend, {1}, DType::f32);
  Tensor sum = Tensor::zeros(backend, {2}, DType::f32);
  StepGraph graph(
      backend,
      [&] {
        Tensor value = Tensor::empty(backend, {1}, DType::f32);
        backend.fill(value, by_value);
        Tensor first = sum.slice(0, 1);
        Tensor second = sum.slice(1, 2);
        backend.accumulate(value, first);
        backend.accumulate(in_memory, second);
      },
      /*capture=*/true);
  for (; by_value <= 4.0; by_value += 1.0) {
    backend.fill(in_memory, by_value);
    graph.run();
  }
  CHECK(sum.to_host<double>() == std::vector<double>{1 + 2 + 3 + 3, 1 + 2 + 3 + 4});
}

TEST_CASE("step graph: the host has no part in a captured step, which then goes on uncaptured") {
  EmulatedBackend backend(0, emulation::Memory::pooled);
  Tensor x = Tensor::zeros(backend, {4}, DType::f32);
  const std::vector<float> values(4, 1.0F);
  const std::vector<std::pair<const char*, std::function<void()>>> tries = {
      {"a read by the host", [&] { x.to_host<float>(); }},
      {"a copy from the host", [&] { backend.copy_from_host(x.raw(), values.data(), x.bytes()); }},
      {"a wait", [&] { backend.synchronize(); }}};
  for (const auto& one : tries) {
    const std::function<void()>& forbidden = one.second;
    StepGraph graph(
        backend,
        [&] {
          const Tensor scratch = Tensor::zeros(backend, {100}, DType::f32);
          forbidden();
        },
        /*capture=*/true);
    graph.run();
    graph.run();
    CHECK(graph.take_warning().empty());
    const int64_t in_use = backend.allocator().use().in_use;
    graph.run();
    CHECK_FALSE(graph.captured());
    CHECK(graph.take_warning().find(one.first) != std::string::npos);
    CHECK(backend.allocator().use().in_use == in_use);
  }
  backend.fill(x, 3.0);
  CHECK(x.to_host<float>() == std::vector<float>(4, 3.0F));
}

TEST_CASE("step graph: a recording that the device refuses is told once, and no step is lost") {
  EmulatedBackend backend(0, emulation::Memory::pooled);
  const Tensor one = Tensor::from_host<float>(backend, {1}, std::vector<float>{1.0F});
  Tensor sum = Tensor::zeros(backend, {1}, DType::f32);
  int calls = 0;
  StepGraph graph(
      backend,
      [&] {
        backend.accumulate(one, sum);
        if (++calls == 3) fail(ErrorKind::device, "cudaStreamEndCapture: it was invalidated");
      },
      /*capture=*/true);
  std::string warnings;
  for (int step = 1; step <= 5; ++step) {
    graph.run();
    CHECK(sum.item() == step);
    warnings += graph.take_warning();
  }
  CHECK_FALSE(graph.captured());
  CHECK(calls == 6);  // the recording is tried once
  CHECK(warnings ==
        "every step is launched anew, which is slower: one could not be recorded: "
        "cudaStreamEndCapture: it was invalidated");
}

}  // namespace
}  // namespace amcl
