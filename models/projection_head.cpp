#include "models/projection_head.h"

namespace amcl {
namespace {

void check(const ProjectionHeadOptions& options) {
  AMCL_CHECK(options.heads >= 1, "heads: must be at least 1, got ", options.heads);
  AMCL_CHECK(options.layers >= 1, "head_layers: must be at least 1, got ", options.layers);
  AMCL_CHECK(options.hidden >= 0,
             "head_hidden: must be at least 1, or 0 for the backbone's feature width, got ",
             options.hidden);
  AMCL_CHECK(options.dim >= 1, "head_dim: must be at least 1, got ", options.dim);
}

bool has_norm(HeadNorm norm, bool last) {
  return norm != HeadNorm::none && !(last && norm == HeadNorm::hidden);
}

}  // namespace

void ProjectionHeadOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "model",
           .key = "heads",
           .value = "C",
           .help = "projection heads; the losses of all are summed",
           .range = {.low = 1}},
          &heads);
  visitor({.table = "model",
           .key = "head_layers",
           .value = "N",
           .help = "linear layers of a head",
           .range = {.low = 1}},
          &layers);
  visitor({.table = "model",
           .key = "head_hidden",
           .value = "H",
           .unit = "units",
           .help = "hidden layers of a head; 0: as wide as the features",
           .range = {.low = 0}},
          &hidden);
  visitor({.table = "model",
           .key = "head_dim",
           .value = "D",
           .unit = "units",
           .help = "output of a head",
           .range = {.low = 1}},
          &dim);
  visitor(
      {.table = "model",
       .key = "head_batch_norm",
       .value = "WHERE",
       .help = "in a head: nowhere; after the hidden layers; after all; after all, without scale "
               "and shift at the end"},
      Choice(norm, kHeadNormNames));
}

void ProjectionHeadOptions::visit_shapes(const std::string& prefix, int64_t input_features,
                                         const ShapeVisitor& visitor) const {
  const int64_t places = norm == HeadNorm::none ? 2 : 3;  // of a layer: linear, norm, relu
  const int64_t width = hidden == 0 ? input_features : hidden;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t layer = 0; layer < layers; ++layer)
      visitor(concat_text(prefix, '.', head, '.', layer * places, ".weight"),
              {layer + 1 == layers ? dim : width, layer == 0 ? input_features : width});
}

ProjectionHead::ProjectionHead(Initializer& initializer, int64_t input_features,
                               const ProjectionHeadOptions& options) {
  check(options);
  const int64_t hidden = options.hidden == 0 ? input_features : options.hidden;
  int64_t width = input_features;
  for (int64_t i = 0; i < options.layers; ++i) {
    const bool last = i + 1 == options.layers;
    const bool norm = has_norm(options.norm, last);
    const int64_t output = last ? options.dim : hidden;
    Layer layer{.linear = Linear(initializer, options.heads, width, output, /*with_bias=*/!norm),
                .norm = {}};
    if (norm)
      layer.norm.emplace(initializer, output, options.heads,
                         /*with_affine=*/!(last && options.norm == HeadNorm::all_fixed));
    layers_.push_back(std::move(layer));
    width = output;
  }
}

Tensor ProjectionHead::forward(const Tensor& x, const ForwardContext& context) {
  Tensor y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const bool rectified = i + 1 < layers_.size();
    y = layers_[i].linear.forward(y);
    if (layers_[i].norm)
      y = layers_[i].norm->forward(y, context, rectified);
    else if (rectified)
      y = relu(y);
  }
  return y;
}

void ProjectionHead::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  int place = 0;
  for (Layer& layer : layers_) {
    layer.linear.visit(join(prefix, concat_text("*.", place++)), visitor);
    if (layer.norm) layer.norm->visit(join(prefix, concat_text("*.", place++)), visitor);
    ++place;  // relu
  }
}

}  // namespace amcl
