#include "train/assembly/build_method.h"

namespace amcl {

std::unique_ptr<Method> build_method(const Config& config, Backend& backend) {
  MethodOptions options = config.method;
  const DType activations = config.train.precision == "bf16" ? DType::bf16 : DType::f32;
  std::visit([&](auto& method) { method.backbone.activations = activations; }, options);
  if (auto* classifier = std::get_if<ClassifierOptions>(&options))
    classifier->lr = config.schedule.lr;
  return make_method(options, backend, config.train.seed, config.train.batch);
}

}  // namespace amcl
