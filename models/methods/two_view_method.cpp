#include "models/methods/two_view_method.h"

#include "models/objectives/head_decorrelation.h"

namespace amcl {

TwoViewMethod::TwoViewMethod(Backend& backend, uint64_t seed, DType dtype,
                             const ResNetOptions& backbone, const ProjectionHeadOptions& projector,
                             const ObjectiveOptions& objective)
    : Method(backend, seed, dtype, backbone, objective.name),
      heads_(initializer_, backbone_.feature_dim(), projector),
      objective_options_(objective) {
  AMCL_CHECK(objective.head_decorrelation == 0.0 || projector.heads >= 2,
             "head_decorrelation: needs at least 2 heads, got ", projector.heads);
}

void TwoViewMethod::make_temperature_net(int64_t heads, int64_t features) {
  if (objective_options_.adaptive)
    temperature_net_.emplace(initializer_, heads, features, objective_options_.temperature_net);
}

void TwoViewMethod::set_temperature_warmup(double share) {
  if (temperature_net_) temperature_net_->set_temperature_warmup(share);
}

Loss TwoViewMethod::loss(const Projections& projections) {
  Loss loss = objective(projections);
  const double weight = objective_options_.head_decorrelation;
  if (weight > 0.0)
    loss.total = add(loss.total, cast(scale(head_decorrelation(projections.front()), weight),
                                      loss.total.dtype()));
  return loss;
}

ComparedPairs TwoViewMethod::compared_pairs(const Projections& projections, int64_t anchors) {
  const Tensor& z = projections.front();
  return compare_rows(z, z, 2, anchors, temperature_net(), objective_options_.amcl.range);
}

void TwoViewMethod::visit(const ModuleVisitor& visitor) {
  backbone_.visit("backbone", visitor);
  heads_.visit("projector", visitor);
  visit_trained(visitor);
  if (temperature_net_) temperature_net_->visit("temperature_net", visitor);
  visit_buffers(visitor);
}

}  // namespace amcl
