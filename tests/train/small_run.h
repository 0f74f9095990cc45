// A small model with everything that a checkpoint holds, for the tests of checkpoints and runs.
#pragma once
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/backend/open.h"
#include "engine/nn/parameter_arena.h"
#include "tests/train/tiny_training.h"
#include "train/assembly/build_method.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"

namespace amcl::test {

inline Config small_config(Settings changes = {}) {
  changes.merge(Settings{{"data", "shapes10"},
                         {"width", "4"},
                         {"stem", "cifar"},
                         {"heads", "2"},
                         {"head_hidden", "5"},
                         {"head_dim", "3"},
                         {"temperature", "adaptive"}});
  return config_with(changes);
}

// A method with its arena and optimiser memory; every value is different from every other.
struct SmallRun {
  std::unique_ptr<Backend> backend = open_backend("cpu");
  std::unique_ptr<Method> method;
  std::unique_ptr<ParameterArena> arena;
  std::vector<OptimizerMemory> memories;
  Probe probe;

  explicit SmallRun(const Config& config = small_config(), float first = 0.0F)
      : method(build_method(config, *backend)),
        arena(std::make_unique<ParameterArena>(*backend, visit())) {
    float next = first;
    const auto number = [&](Tensor& tensor) {
      std::vector<float> values(static_cast<size_t>(tensor.count()));
      for (float& value : values) value = next += 0.25F;
      backend->copy_from_host(tensor.raw(), values.data(), tensor.bytes());
    };
    visit()({.parameter = [&](const std::string&, Parameter& p) { number(p.value); },
             .buffer = [&](const std::string&, Tensor& buffer) { number(buffer); }});
    memories.push_back({"velocity", Tensor::zeros(*backend, arena->values().shape(), DType::f32)});
    number(memories.front().flat);
    probe.images = Tensor::zeros(*backend, Shape{2, 4, 4, 3}, DType::u8);
    probe.features = Tensor::zeros(*backend, Shape{2, 5}, DType::f32);
  }

  VisitFunction visit() {
    return [this](const ModuleVisitor& visitor) { method->visit(visitor); };
  }
  // As for images of the probe's size.
  static EncoderMetadata encoder() {
    return {.backbone = "resnet18",
            .stem = "cifar",
            .width = 4,
            .preprocessing = {.view = {4, 4}, .resize = 4, .normalization = {}},
            .class_names = {}};
  }
  SafetensorsFile checkpoint(const TrainerState& state = {}) {
    return make_checkpoint(visit(), *arena, memories, state, encoder(), probe);
  }
  // All values, buffers and optimiser memory, to compare.
  std::vector<float> everything() {
    std::vector<float> all;
    const auto append = [&](const Tensor& tensor) {
      const std::vector<float> values = tensor.to_host<float>();
      all.insert(all.end(), values.begin(), values.end());
    };
    visit()({.parameter = [&](const std::string&, Parameter& p) { append(p.value); },
             .buffer = [&](const std::string&, Tensor& buffer) { append(buffer); }});
    for (const ParameterArena::Entry& entry : arena->entries())
      append(memories.front().flat.slice(entry.begin, entry.end));
    return all;
  }
};

}  // namespace amcl::test
