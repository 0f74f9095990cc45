#include "models/simclr.h"

#include "models/objectives/amcl_nt_xent.h"
#include "models/objectives/nt_xent.h"

namespace amcl {

SimClr::SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype)
    : SimClr(Initializer(backend, seed, dtype), options) {}

SimClr::SimClr(Initializer initializer, const SimClrOptions& options)
    : Method(initializer, options.backbone, options.projector, options.objective),
      options_(options) {
  if (options.objective.adaptive)
    temperature_net_.emplace(initializer, options.projector.heads, options.projector.dim,
                             options.objective.temperature_net);
}

void SimClr::set_score_share(double share) {
  if (temperature_net_) temperature_net_->set_score_share(share);
}

Projections SimClr::project(const Tensor& images, const ForwardContext& context) {
  return {encode(images, context)};
}

Loss SimClr::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 1, "simclr: the loss reads one projection, got ",
             projections.size());
  if (temperature_net_)
    return amcl_nt_xent(projections.front(), &*temperature_net_, options_.objective.amcl);
  return nt_xent(projections.front(), {.temperature = options_.objective.temperature});
}

double SimClr::chance_level(int64_t images) const {
  if (temperature_net_)
    return amcl_nt_xent_chance_level(options_.projector.heads, images, options_.projector.dim,
                                     options_.objective.amcl);
  return nt_xent_chance_level(options_.projector.heads, images,
                              {.temperature = options_.objective.temperature});
}

int64_t SimClr::pair_count(int64_t images) const {
  return options_.projector.heads * 4 * images * images;
}

void SimClr::visit(const ModuleVisitor& visitor) {
  Method::visit(visitor);
  if (temperature_net_) temperature_net_->visit("temperature_net", visitor);
}

}  // namespace amcl
