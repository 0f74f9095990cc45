#include "models/methods/momentum_encoder.h"

#include <array>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {
namespace {

std::vector<Parameter*> parameters_of(ResNet& backbone, ProjectionHead& projector) {
  std::vector<Parameter*> parameters;
  const ModuleVisitor visitor{
      .parameter = [&](const std::string&, Parameter& one) { parameters.push_back(&one); },
      .buffer = [](const std::string&, Tensor&) {}};
  backbone.visit("", visitor);
  projector.visit("", visitor);
  return parameters;
}

}  // namespace

MomentumEncoder::MomentumEncoder(Initializer initializer, const ResNetOptions& backbone,
                                 const ProjectionHeadOptions& projector)
    : backbone_(initializer, backbone),
      projector_(initializer, backbone_.feature_dim(), projector),
      weights_(Tensor::empty(initializer.device(), {2}, initializer.dtype())) {}

Tensor MomentumEncoder::forward(const Tensor& images, const ForwardContext& context) {
  const NoTapeScope no_tape;
  return projector_.forward(backbone_.forward(images, context), context);
}

void MomentumEncoder::set_momentum(double momentum) {
  weights_.assign<double>(std::array{momentum, 1.0 - momentum});
}

void MomentumEncoder::copy(ResNet& backbone, ProjectionHead& projector) {
  const std::vector<Parameter*> leaders = parameters_of(backbone, projector);
  const std::vector<Parameter*> followers = parameters_of(backbone_, projector_);
  for (size_t i = 0; i < followers.size(); ++i) {
    Tensor& value = followers[i]->value;
    value.device().copy(value.raw(), leaders[i]->value.raw(), value.bytes());
  }
}

void MomentumEncoder::follow(ResNet& backbone, ProjectionHead& projector) {
  const std::vector<Parameter*> leaders = parameters_of(backbone, projector);
  const std::vector<Parameter*> followers = parameters_of(backbone_, projector_);
  for (size_t i = 0; i < followers.size(); ++i) {
    Tensor& value = followers[i]->value;
    backend_of(value).moving_average(leaders[i]->value, weights_, value);
  }
}

void MomentumEncoder::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  const ModuleVisitor as_buffers{
      .parameter = [&](const std::string& name,
                       Parameter& parameter) { visitor.buffer(name, parameter.value); },
      .buffer = visitor.buffer};
  backbone_.visit(join(prefix, "backbone"), as_buffers);
  projector_.visit(join(prefix, "projector"), as_buffers);
}

}  // namespace amcl
