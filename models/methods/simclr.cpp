#include "models/methods/simclr.h"

#include "models/objectives/amcl_nt_xent.h"

namespace amcl {

SimClrOptions SimClrOptions::usual(const TemperatureChoice& choice) {
  return {.backbone = {},
          .projector = {.heads = usual_heads(choice)},
          .objective = contrastive_objective(choice, "ntxent", *traits.temperature)};
}

void SimClrOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  visit_contrastive_settings(objective, projector.heads, visitor);
}

void SimClrOptions::visit_shapes(const ShapeVisitor& visitor) const {
  visit_encoder_shapes(*this, visitor);
  visit_net_shapes(objective, projector, visitor);
}

SimClr::SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype)
    : TwoViewMethod(backend, seed, dtype, options.backbone, options.projector, options.objective),
      options_(options) {
  make_temperature_net(options.projector.heads, options.projector.dim);
}

NtXentOptions SimClr::nt_xent_options() const {
  return {.temperature = options_.objective.temperature,
          .with_positive = options_.objective.with_positive};
}

Loss SimClr::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 1, "simclr: the loss reads one projection, got ",
             projections.size());
  if (temperature_net() != nullptr)
    return amcl_nt_xent(projections.front(), temperature_net(), options_.objective.amcl);
  return nt_xent(projections.front(), nt_xent_options());
}

double SimClr::chance_level(int64_t images) const {
  if (options_.objective.adaptive)
    return amcl_nt_xent_chance_level(options_.projector.heads, images, options_.projector.dim,
                                     options_.objective.amcl);
  return nt_xent_chance_level(options_.projector.heads, images, nt_xent_options());
}

int64_t SimClr::pair_count(int64_t images) const {
  return options_.projector.heads * 4 * images * images;
}

}  // namespace amcl
