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
