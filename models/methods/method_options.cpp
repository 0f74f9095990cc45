#include "models/methods/method_options.h"

namespace amcl {

void BatchNormOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "model",
           .key = "bn_views",
           .value = "HOW",
           .help = "batch-norm statistics of each view by itself, or of both together"},
          Choice(joint_views, kBatchNormViews));
  visitor({.table = "model",
           .key = "bn_splits",
           .value = "N",
           .unit = "parts of a view",
           .help = "batch-norm statistics of each part by itself, as of one device among N",
           .range = {.low = 1}},
          &splits);
}

void visit_net_shapes(const ObjectiveOptions& objective, const ProjectionHeadOptions& projector,
                      const ShapeVisitor& visitor) {
  if (objective.adaptive)
    objective.temperature_net.visit_shapes("temperature_net", projector.heads, projector.dim,
                                           visitor);
}

void visit_contrastive_settings(ObjectiveOptions& objective, int64_t heads,
                                const SettingVisitor& visitor) {
  if (objective.adaptive) {
    visit_adaptive_settings(objective, /*dot_only=*/false, visitor);
    visit_pair_settings(objective.amcl, visitor);
  } else {
    visit_positive_setting(objective.with_positive, visitor);
  }
  visit_decorrelation_setting(objective, heads, visitor);
}

}  // namespace amcl
