#include "train/config/method_config.h"

#include "models/methods/barlow_twins.h"
#include "models/methods/moco.h"
#include "models/methods/sim_siam.h"

namespace amcl {
namespace {

// Eight parts of a batch, as in the published recipes on small images.
constexpr int64_t kMocoSplits = 8;

constexpr int64_t kAdaptiveHeads = 3;

template <class T>
void fill(std::optional<T>& key, const T& value) {
  if (!key) key = value;
}

std::string name_of(HeadNorm norm) {
  switch (norm) {
    case HeadNorm::none:
      return "none";
    case HeadNorm::hidden:
      return "hidden";
    case HeadNorm::all:
      return "all";
    case HeadNorm::all_fixed:
      return "all-fixed";
  }
  return {};
}

void fill_head(ModelConfig& keys, const ProjectionHeadOptions& usual) {
  fill(keys.head_layers, usual.layers);
  fill(keys.head_hidden, usual.hidden);
  fill(keys.head_dim, usual.dim);
  fill(keys.head_batch_norm, name_of(usual.norm));
}

// Where the gradient begins at 10 to 10,000, which at the usual rate replaces the initial weights.
// LARS and AdamW make steps of one size anyway.
double usual_clip_norm(const Config& config, bool adaptive) {
  const std::string& method = config.model.method;
  if (config.optimizer.optimizer != "sgd") return 0.0;
  if (method == "barlow") return 1.0;
  if (method == "moco" && adaptive) return 5.0;
  if (method == "simsiam" && adaptive) return 3.0;
  return 0.0;
}

// The features of AMCL-SimSiam half collapse at first, until its predictors have caught up: sooner at a
// larger rate.
double usual_rate(const Config& config, bool adaptive) {
  const std::string& optimizer = config.optimizer.optimizer;
  if (optimizer == "adamw") return 1e-3;
  return adaptive && optimizer == "sgd" && config.model.method == "simsiam" ? 0.15 : 0.06;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = {"simclr", "moco", "barlow", "simsiam"};
  return names;
}

bool is_contrastive(const std::string& method) {
  return method == "simclr" || method == "moco";
}

bool gains_by_adapting(const std::string& method) {
  return method == "simclr";
}

Config with_method(const Config& config) {
  Config filled = config;
  ModelConfig& model = filled.model;
  ObjectiveConfig& objective = filled.objective;
  fill(objective.temperature, std::string(gains_by_adapting(model.method) ? "adaptive" : "fixed"));
  const bool adaptive = objective.temperature == "adaptive";
  fill(model.heads, adaptive ? kAdaptiveHeads : int64_t{1});
  fill(filled.optimizer.clip_norm, usual_clip_norm(config, adaptive));
  fill(filled.optimizer.lr, usual_rate(config, adaptive));
  if (model.method == "moco") {
    const MocoOptions usual;
    fill_head(model, usual.projector);
    fill(model.bn_splits, kMocoSplits);
    fill(model.queue, usual.queue);
    fill(model.encoder_momentum, usual.encoder_momentum);
    fill(model.symmetric, usual.symmetric);
    fill(model.shuffle_bn, usual.shuffle_bn);
  } else if (model.method == "barlow") {
    const BarlowTwinsOptions usual;
    fill_head(model, usual.projector);
    fill(objective.barlow_lambda, usual.barlow.lambda);
    fill(objective.barlow_scale, usual.scale);
    fill(objective.barlow_ddof, usual.barlow.ddof);
  } else if (model.method == "simsiam") {
    const SimSiamOptions usual;
    fill_head(model, usual.projector);
    fill(model.predictor_hidden, usual.predictor_hidden);
  }
  fill_head(model, {});
  fill(model.bn_splits, int64_t{1});
  return filled;
}

}  // namespace amcl
