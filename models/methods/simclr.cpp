#include "models/methods/simclr.h"

#include "models/objectives/amcl_nt_xent.h"
#include "models/objectives/nt_xent.h"

namespace amcl {

SimClr::SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype)
    : Method(backend, seed, dtype, options.backbone, options.projector, options.objective),
      options_(options) {
  make_temperature_net(options.projector.heads, options.projector.dim);
}

Loss SimClr::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 1, "simclr: the loss reads one projection, got ",
             projections.size());
  if (temperature_net() != nullptr)
    return amcl_nt_xent(projections.front(), temperature_net(), options_.objective.amcl);
  return nt_xent(projections.front(), {.temperature = options_.objective.temperature});
}

double SimClr::chance_level(int64_t images) const {
  if (options_.objective.adaptive)
    return amcl_nt_xent_chance_level(options_.projector.heads, images, options_.projector.dim,
                                     options_.objective.amcl);
  return nt_xent_chance_level(options_.projector.heads, images,
                              {.temperature = options_.objective.temperature});
}

int64_t SimClr::pair_count(int64_t images) const {
  return options_.projector.heads * 4 * images * images;
}

}  // namespace amcl
