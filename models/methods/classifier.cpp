#include "models/methods/classifier.h"

#include <cmath>

namespace amcl {
namespace {

const ClassifierOptions& checked(const ClassifierOptions& options) {
  AMCL_CHECK(options.projector.dim >= 2, "classes: a classifier needs at least 2, got ",
             options.projector.dim);
  return options;
}

}  // namespace

void ClassifierOptions::visit_settings(const SettingVisitor& visitor) {
  backbone.visit_settings(visitor);
  visitor({.table = "model",
           .key = "classes",
           .value = "N",
           .help = "that the classifier tells apart; 0: as many as the labels have",
           .range = {.low = 0}},
          &projector.dim);
  visitor({.table = "model",
           .key = "random_init",
           .help = "start from random weights instead of the encoder's, for comparison"},
          &random_init);
  visitor({.table = "model",
           .key = "freeze",
           .help = "leave the backbone as it is and train the linear layer alone"},
          &freeze);
  visitor(
      {.table = "data",
       .key = "labels",
       .value = "all|P%|N",
       .help =
           "labels to learn from: all, a share (1%), or a number; drawn by the seed, as many of "
           "each class as there are, and listed in the run's labels.tsv; a tenth of them is held "
           "out to choose the best checkpoint by"},
      &labels);
  visitor({.table = "objective",
           .key = "label_smoothing",
           .value = "S",
           .help = "share of the target that is spread over all classes",
           .range = {.low = 0, .high = 1}},
          &label_smoothing);
  visitor({.table = "optimizer",
           .key = "head_lr",
           .value = "X",
           .help = "peak learning rate of the linear layer; --lr is the backbone's",
           .range = {.low = 0}},
          &head_lr);
}

void ClassifierOptions::visit_shapes(const ShapeVisitor& visitor) const {
  backbone.visit_shapes("backbone", visitor);
  visitor("classifier.weight", {projector.dim, backbone.feature_dim()});
}

Classifier::Classifier(Backend& backend, uint64_t seed, const ClassifierOptions& options,
                       DType dtype)
    : Method(backend, seed, dtype, checked(options).backbone, options.objective.name),
      options_(options),
      classifier_(initializer_, /*heads=*/0, backbone_.feature_dim(), options.projector.dim),
      labels_(Tensor::zeros(backend, {options.batch}, DType::i32)) {
  for (Parameter* parameter : {&classifier_.weight, &classifier_.bias})
    parameter->rate_scale = options.head_lr / options.lr;
}

void Classifier::prepare_labels(std::span<const int32_t> labels) {
  labels_.assign<int32_t>(labels);
}

Projections Classifier::project(const Tensor& images, const ForwardContext& context) {
  if (!options_.freeze) return Method::project(images, context);
  Tensor features;
  {
    const NoTapeScope unrecorded;
    features = encode(images, {.phase = Phase::eval, .update_running_statistics = false});
  }
  return {head(features, context)};
}

Tensor Classifier::head(const Tensor& features, const ForwardContext& /*context*/) {
  return reshape(classifier_.forward(features), {1, features.dim(0), options_.projector.dim});
}

Loss Classifier::loss(const Projections& projections) {
  const Tensor& z = projections.front();
  AMCL_CHECK(z.rank() == 3 && z.dim(1) <= labels_.dim(0),
             "classifier: logits must be [1, N, K] of up to ", labels_.dim(0), " images, got ",
             z.shape());
  const Tensor logits = reshape(z, {z.dim(1), z.dim(2)});
  Tensor loss = cross_entropy(logits, labels_.slice(0, z.dim(1)));
  if (const double spread = options_.label_smoothing; spread > 0.0)
    loss = subtract(scale(loss, 1.0 - spread), scale(mean(log_softmax(logits)), spread));
  return sum_over_heads(loss);
}

double Classifier::chance_level(int64_t /*images*/) const {
  return std::log(static_cast<double>(options_.projector.dim));
}

void Classifier::visit(const ModuleVisitor& visitor) {
  ModuleVisitor of_backbone = visitor;
  if (options_.freeze)
    of_backbone.parameter = [&](const std::string& name, Parameter& parameter) {
      visitor.buffer(name, parameter.value);
    };
  backbone_.visit("backbone", of_backbone);
  classifier_.visit("classifier", visitor);
}

}  // namespace amcl
