#include "models/method.h"

#include "models/objectives/head_decorrelation.h"

namespace amcl {

Method::Method(Initializer& initializer, const ResNetOptions& backbone,
               const ProjectionHeadOptions& projector, const ObjectiveOptions& objective)
    : backbone_(initializer, backbone),
      heads_(initializer, backbone_.feature_dim(), projector),
      objective_name_(objective.name),
      head_decorrelation_(objective.head_decorrelation) {
  AMCL_CHECK(head_decorrelation_ == 0.0 || projector.heads >= 2,
             "head_decorrelation: needs at least 2 heads, got ", projector.heads);
}

Loss Method::loss(const Projections& projections) {
  Loss loss = objective(projections);
  if (head_decorrelation_ > 0.0)
    loss.total =
        add(loss.total, cast(scale(head_decorrelation(projections.front()), head_decorrelation_),
                             loss.total.dtype()));
  return loss;
}

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
