#include "models/method.h"

#include <utility>

namespace amcl {

Method::Method(Initializer& initializer, const ResNetOptions& backbone,
               const ProjectionHeadOptions& projector, std::string objective_name)
    : backbone_(initializer, backbone),
      heads_(initializer, backbone_.feature_dim(), projector),
      objective_name_(std::move(objective_name)) {}

Tensor Method::encode(const Tensor& images, const ForwardContext& context) {
  const Tensor features = backbone_.forward(images, context);
  projected_features_ = tape::detach(features);
  return heads_.forward(features, context);
}

void Method::visit(const ModuleVisitor& visitor) {
  backbone_.visit("backbone", visitor);
  heads_.visit("projector", visitor);
}

}  // namespace amcl
