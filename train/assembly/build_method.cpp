#include "train/assembly/build_method.h"

#include "models/methods/barlow_twins.h"
#include "models/methods/moco.h"
#include "models/methods/sim_siam.h"
#include "models/methods/simclr.h"
#include "train/config/method_config.h"
#include "train/config/objective_config.h"
#include "train/config/precision.h"

namespace amcl {
namespace {

ResNetOptions backbone_options(const Config& config) {
  const ModelConfig& model = config.model;
  return {.backbone = model.backbone,
          .width = model.width,
          .stem = model.stem,
          .activations = precision_of(config.train) == "bf16" ? DType::bf16 : DType::f32};
}

ProjectionHeadOptions head_options(const ModelConfig& model) {
  ProjectionHeadOptions options{.heads = *model.heads,
                                .layers = *model.head_layers,
                                .hidden = *model.head_hidden,
                                .dim = *model.head_dim};
  if (model.head_batch_norm == "hidden") options.norm = HeadNorm::hidden;
  if (model.head_batch_norm == "all") options.norm = HeadNorm::all;
  if (model.head_batch_norm == "all-fixed") options.norm = HeadNorm::all_fixed;
  return options;
}

std::unique_ptr<Method> build_moco(const Config& config, Backend& backend) {
  const ModelConfig& model = config.model;
  return std::make_unique<Moco>(backend, config.train.seed,
                                MocoOptions{.backbone = backbone_options(config),
                                            .projector = head_options(model),
                                            .objective = objective_options(config),
                                            .queue = *model.queue,
                                            .encoder_momentum = *model.encoder_momentum,
                                            .symmetric = *model.symmetric,
                                            .shuffle_bn = *model.shuffle_bn});
}

std::unique_ptr<Method> build_barlow(const Config& config, Backend& backend) {
  const ObjectiveConfig& keys = config.objective;
  return std::make_unique<BarlowTwins>(
      backend, config.train.seed,
      BarlowTwinsOptions{
          .backbone = backbone_options(config),
          .projector = head_options(config.model),
          .objective = objective_options(config),
          .barlow = {.lambda = *keys.barlow_lambda, .ddof = *keys.barlow_ddof},
          .fit = keys.barlow_fit == "inside" ? BarlowFit::inside : BarlowFit::outside,
          .scale = *keys.barlow_scale,
          .correlation_score = keys.barlow_score != "columns",
          .batch = config.train.batch});
}

}  // namespace

std::unique_ptr<Method> build_method(const Config& given, Backend& backend) {
  const Config config = with_method(given);
  const std::string& method = config.model.method;
  if (method == "moco") return build_moco(config, backend);
  if (method == "barlow") return build_barlow(config, backend);
  if (method == "simsiam")
    return std::make_unique<SimSiam>(
        backend, config.train.seed,
        SimSiamOptions{.backbone = backbone_options(config),
                       .projector = head_options(config.model),
                       .predictor_hidden = *config.model.predictor_hidden,
                       .objective = objective_options(config)});
  AMCL_CHECK(method == "simclr", "method: '", method,
             "' is not known; choose one of simclr, moco, barlow, simsiam");
  return std::make_unique<SimClr>(backend, config.train.seed,
                                  SimClrOptions{.backbone = backbone_options(config),
                                                .projector = head_options(config.model),
                                                .objective = objective_options(config)});
}

ForwardContext training_context(const Config& given) {
  const ModelConfig model = with_method(given).model;
  AMCL_CHECK(model.bn_views == "separate" || model.bn_views == "joint", "bn_views: '",
             model.bn_views, "' is not known; choose one of separate, joint");
  // An encoder of an asymmetric MoCo sees one view only.
  const int64_t views = model.bn_views == "separate" && model.symmetric.value_or(true) ? 2 : 1;
  return {.phase = Phase::train, .batch_norm_groups = views * *model.bn_splits};
}

}  // namespace amcl
