#include "models/methods/barlow_twins.h"

#include <algorithm>

namespace amcl {

ObjectiveOptions amcl_barlow_objective() {
  return {
      .name = "amcl",
      .adaptive = true,
      .amcl = {.beta = 0.1, .a = 1.0, .beta_negative = 0.0, .range = {.low = 0.5, .high = 2.0}}};
}

BarlowTwinsOptions BarlowTwinsOptions::usual(const TemperatureChoice& choice) {
  BarlowTwinsOptions options;
  options.projector.heads = usual_heads(choice);
  options.objective =
      choice.adaptive ? amcl_barlow_objective() : ObjectiveOptions{.name = "barlow"};
  return options;
}

void BarlowTwinsOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  if (objective.adaptive) {
    visit_adaptive_settings(objective, /*dot_only=*/true, visitor);
    visit_negative_settings(objective.amcl, visitor);
    visitor(
        {.table = "objective",
         .key = "barlow_fit",
         .value = "WHERE",
         .help = "temperature of the diagonal outside of the square, or inside as in the paper"},
        Choice(fit, kBarlowFitNames));
    visitor(
        {.table = "objective",
         .key = "barlow_score",
         .value = "WHAT",
         .help = "temperature from the correlation, or from a net over the columns of the batch "
                 "as in the paper, which fixes the batch"},
        Choice(score, kBarlowScoreNames));
  }
  visit_decorrelation_setting(objective, projector.heads, visitor);
  visitor({.table = "objective",
           .key = "barlow_lambda",
           .value = "X",
           .help = "weight of the off-diagonal",
           .range = {.low = 0}},
          &barlow.lambda);
  visitor({.table = "objective",
           .key = "barlow_scale",
           .value = "X",
           .help = "factor of the loss",
           .range = {.low = 0, .above_low = true}},
          &scale);
  visitor({.table = "objective",
           .key = "barlow_ddof",
           .value = "N",
           .help = "the variance's divisor is the batch less N",
           .range = {.low = 0, .high = 1}},
          &barlow.ddof);
}

void BarlowTwinsOptions::visit_shapes(const ShapeVisitor& visitor) const {
  visit_encoder_shapes(*this, visitor);
  if (objective.adaptive && score == BarlowScore::columns)
    objective.temperature_net.visit_shapes("temperature_net", projector.heads, batch, visitor);
}

BarlowTwins::BarlowTwins(Backend& backend, uint64_t seed, const BarlowTwinsOptions& options,
                         DType dtype)
    : TwoViewMethod(backend, seed, dtype, options.backbone, options.projector, options.objective),
      options_(options) {
  if (options.score == BarlowScore::columns)
    make_temperature_net(options.projector.heads, options.batch);
  else if (options.objective.adaptive)
    correlation_score_.emplace(initializer_);
}

void BarlowTwins::set_temperature_warmup(double share) {
  if (correlation_score_) correlation_score_->warmup.set(share, correlation_score_->gain.value);
  TwoViewMethod::set_temperature_warmup(share);
}

AmclBarlowOptions BarlowTwins::amcl_options() const {
  return {.barlow = options_.barlow, .fit = options_.fit, .amcl = options_.objective.amcl};
}

Loss BarlowTwins::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 1, "barlow: the loss reads one projection, got ",
             projections.size());
  const Tensor& z = projections.front();
  AMCL_CHECK(z.rank() == 3 && z.dim(1) % 2 == 0, "barlow: z must be [heads, 2N, d], got ",
             z.shape());
  const Tensor x = slice(z, 1, 0, z.dim(1) / 2);
  const Tensor y = slice(z, 1, z.dim(1) / 2, z.dim(1));
  Loss loss = correlation_score_ ? amcl_barlow(x, y, *correlation_score_, amcl_options())
              : temperature_net() != nullptr ? amcl_barlow(x, y, *temperature_net(), amcl_options())
                                             : barlow(x, y, options_.barlow);
  if (options_.scale == 1.0) return loss;
  loss.total = scale(loss.total, options_.scale);
  loss.per_head = tape::detach(scale(loss.per_head, options_.scale));
  return loss;
}

ComparedPairs BarlowTwins::compared_pairs(const Projections& projections, int64_t anchors) {
  const NoTapeScope no_tape;
  const Tensor& z = projections.front();
  const int64_t images = z.dim(1) / 2;
  const Tensor columns = slice(z, 2, 0, std::min(z.dim(2), anchors));
  const CrossCorrelation correlation =
      cross_correlation("barlow", slice(columns, 1, 0, images),
                        slice(columns, 1, images, 2 * images), options_.barlow);
  const TemperatureRange& range = options_.objective.amcl.range;
  ComparedPairs pairs{
      .similarity = correlation.matrix, .nullable_temperature = {}, .range = range, .shift = 0};
  if (correlation_score_)
    pairs.nullable_temperature =
        temperature(correlation_score_->scores()(correlation.matrix), range);
  else if (temperature_net() != nullptr)
    pairs.nullable_temperature =
        temperature(temperature_net()->scores(correlation.x, correlation.y), range);
  return pairs;
}

double BarlowTwins::chance_level(int64_t /*images*/) const {
  const auto& [heads, layers, hidden, dim, norm] = options_.projector;
  const double one_head = options_.objective.adaptive
                              ? amcl_barlow_chance_level(dim, amcl_options())
                              : static_cast<double>(dim);  // the diagonal: (1 - 0)^2 each
  return options_.scale * static_cast<double>(heads) * one_head;
}

int64_t BarlowTwins::pair_count(int64_t /*images*/) const {
  return options_.projector.heads * options_.projector.dim * options_.projector.dim;
}

void BarlowTwins::visit_trained(const ModuleVisitor& visitor) {
  if (correlation_score_) correlation_score_->visit("temperature_net", visitor);
}

}  // namespace amcl
