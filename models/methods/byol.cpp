#include "models/methods/byol.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/objectives/simsiam.h"

namespace amcl {
namespace {

const ByolOptions& checked(const ByolOptions& options) {
  AMCL_CHECK(options.encoder_momentum >= 0.0 && options.encoder_momentum <= 1.0,
             "encoder_momentum: must be from 0 to 1, got ", options.encoder_momentum);
  AMCL_CHECK(options.predictor_hidden >= 1, "predictor_hidden: must be at least 1, got ",
             options.predictor_hidden);
  return options;
}

ProjectionHeadOptions predictor_options(const ByolOptions& options) {
  return {.heads = options.projector.heads,
          .layers = 2,
          .hidden = options.predictor_hidden,
          .dim = options.projector.dim,
          .norm = HeadNorm::hidden};
}

}  // namespace

void ByolOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  visitor({.table = "model",
           .key = "predictor_hidden",
           .value = "N",
           .unit = "units",
           .help = "hidden layer of the predictor; its learning rate follows the schedule",
           .range = {.low = 1}},
          &predictor_hidden);
  visitor(
      {.table = "model",
       .key = "encoder_momentum",
       .value = "M",
       .help = "share that the momentum encoder keeps of itself in the first step; it rises to 1",
       .range = {.low = 0, .high = 1}},
      &encoder_momentum);
  visit_decorrelation_setting(objective, projector.heads, visitor);
}

void ByolOptions::visit_shapes(const ShapeVisitor& visitor) const {
  visit_encoder_shapes(*this, visitor);
  predictor_options(*this).visit_shapes("predictor", projector.dim, visitor);
}

Byol::Byol(Backend& backend, uint64_t seed, const ByolOptions& options, DType dtype)
    : TwoViewMethod(backend, seed, dtype, checked(options).backbone, options.projector,
                    options.objective),
      options_(options),
      predictor_(initializer_, options.projector.dim, predictor_options(options)),
      momentum_encoder_(Initializer(backend, seed, dtype), options.backbone, options.projector) {}

void Byol::prepare_step(int64_t number, int64_t steps) {
  const double done = std::min(1.0, static_cast<double>(number - 1) / static_cast<double>(steps));
  const double share = 0.5 * (1.0 + std::cos(std::numbers::pi * done));  // from 1 to 0
  momentum_encoder_.set_momentum(1.0 - (1.0 - options_.encoder_momentum) * share);
}

void Byol::follow_at_once() {
  momentum_encoder_.copy(backbone_, heads_);
}

void Byol::begin_step() {
  momentum_encoder_.follow(backbone_, heads_);
}

Projections Byol::project(const Tensor& images, const ForwardContext& context) {
  const Tensor z = head(encode(images, context), context);
  return {z, predictor_.forward(z, context), momentum_encoder_.forward(images, context)};
}

// |p/|p| - t/|t||^2 = 2 - 2 cos, and SimSiam's loss is -cos/2 in both directions.
Loss Byol::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 3,
             "byol: the loss reads projections, predictions and targets, got ", projections.size(),
             " tensors");
  const Tensor& p = projections[1];
  const Tensor& t = projections[2];
  AMCL_CHECK(p.rank() == 3 && p.dim(1) % 2 == 0 && t.shape() == p.shape(),
             "byol: predictions and targets must be [heads, 2N, d], got ", p.shape(), " and ",
             t.shape());
  const auto view = [images = p.dim(1) / 2](const Tensor& x, int64_t index) {
    return slice(x, 1, index * images, (index + 1) * images);
  };
  Loss loss = simsiam(view(p, 0), view(t, 0), view(p, 1), view(t, 1));
  loss.total = affine(loss.total, 4.0, 4.0 * static_cast<double>(p.dim(0)));
  loss.per_head = affine(loss.per_head, 4.0, 4.0);
  return loss;
}

ComparedPairs Byol::compared_pairs(const Projections& projections, int64_t anchors) {
  return compare_rows(projections[1], projections[2], 2, anchors, temperature_net(),
                      objective_options_.amcl.range);
}

double Byol::chance_level(int64_t /*images*/) const {
  return 4.0 * static_cast<double>(options_.projector.heads);
}

int64_t Byol::pair_count(int64_t images) const {
  return options_.projector.heads * 2 * images;
}

void Byol::visit_trained(const ModuleVisitor& visitor) {
  predictor_.visit("predictor", visitor);
}

void Byol::visit_buffers(const ModuleVisitor& visitor) {
  momentum_encoder_.visit("momentum_encoder", visitor);
}

}  // namespace amcl
