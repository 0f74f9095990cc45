#include "models/methods/sim_siam.h"

#include "models/objectives/amcl_simsiam.h"
#include "models/objectives/simsiam.h"

namespace amcl {
namespace {

ProjectionHeadOptions predictor_options(const SimSiamOptions& options) {
  AMCL_CHECK(options.predictor_hidden >= 1, "predictor_hidden: must be at least 1, got ",
             options.predictor_hidden);
  return {.heads = options.projector.heads,
          .layers = 2,
          .hidden = options.predictor_hidden,
          .dim = options.projector.dim,
          .norm = HeadNorm::hidden};
}

}  // namespace

ObjectiveOptions amcl_simsiam_objective() {
  // Bounded below, which needs beta >= 1/2 (spec S10c). First scores grow with the features: unscaled,
  // those of 2048 would put all temperatures at their lower bound (S3.5).
  return {.name = "amcl",
          .adaptive = true,
          .amcl = {.beta = 1.0, .a = 1.0, .range = {.low = 0.1, .high = 2.0}},
          .temperature_net = {.score_scale = 1.0 / 16.0}};
}

SimSiamOptions SimSiamOptions::usual(const TemperatureChoice& choice) {
  SimSiamOptions options;
  options.projector.heads = usual_heads(choice);
  options.objective =
      choice.adaptive ? amcl_simsiam_objective() : ObjectiveOptions{.name = "simsiam"};
  return options;
}

void SimSiamOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  visitor(
      {.table = "model",
       .key = "predictor_hidden",
       .value = "N",
       .unit = "units",
       .help = "hidden layer of the predictor; with simsiam its learning rate stays at its peak",
       .range = {.low = 1}},
      &predictor_hidden);
  if (objective.adaptive) visit_adaptive_settings(objective, /*dot_only=*/false, visitor);
  visit_decorrelation_setting(objective, projector.heads, visitor);
}

void SimSiamOptions::visit_shapes(const ShapeVisitor& visitor) const {
  visit_encoder_shapes(*this, visitor);
  predictor_options(*this).visit_shapes("predictor", projector.dim, visitor);
  visit_net_shapes(objective, projector, visitor);
}

SimSiam::SimSiam(Backend& backend, uint64_t seed, const SimSiamOptions& options, DType dtype)
    : TwoViewMethod(backend, seed, dtype, options.backbone, options.projector, options.objective),
      options_(options),
      predictor_(initializer_, options.projector.dim, predictor_options(options)) {
  // The encoder learns from all heads, a predictor from one; behind the encoder it lets it collapse.
  const auto heads = static_cast<double>(options.projector.heads);
  predictor_.visit("", {.parameter =
                            [heads](const std::string&, Parameter& parameter) {
                              parameter.constant_rate = true;
                              parameter.rate_scale = heads;
                            },
                        .buffer = [](const std::string&, Tensor&) {}});
  make_temperature_net(options.projector.heads, options.projector.dim);
}

Projections SimSiam::project(const Tensor& images, const ForwardContext& context) {
  const Tensor z = head(encode(images, context), context);
  return {z, predictor_.forward(z, context)};
}

Loss SimSiam::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 2, "simsiam: the loss reads projections and predictions, got ",
             projections.size(), " tensors");
  const Tensor& z = projections[0];
  const Tensor& p = projections[1];
  AMCL_CHECK(z.rank() == 3 && z.dim(1) % 2 == 0 && p.shape() == z.shape(),
             "simsiam: projections and predictions must be [heads, 2N, d], got ", z.shape(),
             " and ", p.shape());
  const int64_t images = z.dim(1) / 2;
  const Tensor z1 = slice(tape::detach(z), 1, 0, images);
  const Tensor z2 = slice(tape::detach(z), 1, images, 2 * images);
  const Tensor p1 = slice(p, 1, 0, images);
  const Tensor p2 = slice(p, 1, images, 2 * images);
  if (temperature_net() != nullptr)
    return amcl_simsiam(p1, z1, p2, z2, temperature_net(), options_.objective.amcl);
  return simsiam(p1, z1, p2, z2);
}

ComparedPairs SimSiam::compared_pairs(const Projections& projections, int64_t anchors) {
  return compare_rows(projections[1], projections[0], 2, anchors, temperature_net(),
                      objective_options_.amcl.range);
}

double SimSiam::chance_level(int64_t /*images*/) const {
  if (!options_.objective.adaptive) return 0.0;
  return static_cast<double>(options_.projector.heads) *
         amcl_simsiam_chance_level(options_.projector.dim, options_.objective.amcl);
}

int64_t SimSiam::pair_count(int64_t images) const {
  return options_.projector.heads * 2 * images;
}

void SimSiam::visit_trained(const ModuleVisitor& visitor) {
  predictor_.visit("predictor", visitor);
}

}  // namespace amcl
