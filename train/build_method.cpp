#include "train/build_method.h"

#include "models/simclr.h"
#include "train/objective_config.h"

namespace amcl {

std::unique_ptr<Method> build_method(const Config& config, Backend& backend) {
  const ModelConfig& model = config.model;
  AMCL_CHECK(model.method == "simclr", "method: '", model.method,
             "' is not known; choose one of simclr");
  return std::make_unique<SimClr>(
      backend, config.train.seed,
      SimClrOptions{
          .backbone = {.backbone = model.backbone, .width = model.width, .stem = model.stem},
          .heads = model.heads,
          .head_hidden = model.head_hidden,
          .head_dim = model.head_dim,
          .objective = objective_options(config)});
}

ForwardContext training_context(const Config& config) {
  const std::string& bn_views = config.model.bn_views;
  AMCL_CHECK(bn_views == "separate" || bn_views == "joint", "bn_views: '", bn_views,
             "' is not known; choose one of separate, joint");
  return {.phase = Phase::train, .batch_norm_groups = bn_views == "separate" ? 2 : 1};
}

}  // namespace amcl
