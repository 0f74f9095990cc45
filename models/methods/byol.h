// BYOL (Grill et al., "Bootstrap your own latent: a new approach to self-supervised learning",
// NeurIPS 2020): a predictor per head maps the projection of one view to the target of the other,
// its projection by a momentum encoder. There are no negatives (spec S2.5).
#pragma once
#include "models/methods/momentum_encoder.h"
#include "models/methods/two_view_method.h"

namespace amcl {

class Byol;

struct ByolOptions {
  using Built = Byol;
  static constexpr MethodTraits traits{.name = "byol", .has_amcl = false};

  ResNetOptions backbone;
  ProjectionHeadOptions projector = {.hidden = 1024, .dim = 256, .norm = HeadNorm::hidden};
  int64_t predictor_hidden = 1024;
  // m at the first step, from where it rises to 1: the authors' for 100 epochs, an average over 100
  // steps. Their 0.996 for 1,000 epochs averages 250, which is long for a run on small images.
  double encoder_momentum = 0.99;
  ObjectiveOptions objective = {.name = "byol"};
  BatchNormOptions batch_norm = {};

  static ByolOptions usual(const TemperatureChoice&) { return {}; }
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  int64_t encoder_views() const { return 2; }
};

class Byol final : public TwoViewMethod {
 public:
  // Throws Error(usage) for a momentum outside [0, 1] or a predictor without units.
  Byol(Backend& backend, uint64_t seed, const ByolOptions& options, DType dtype = DType::f32);

  void prepare_step(int64_t number, int64_t steps) override;
  void follow_at_once() override;
  void begin_step() override;
  // Projections z, the predictions from them, and the targets of the same images, each [C, 2N, d].
  Projections project(const Tensor& images, const ForwardContext& context) override;
  // Predictions with targets of the other view.
  ComparedPairs compared_pairs(const Projections& projections, int64_t anchors) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;
  void visit_trained(const ModuleVisitor& visitor) override;
  void visit_buffers(const ModuleVisitor& visitor) override;

  ByolOptions options_;
  ProjectionHead predictor_;
  MomentumEncoder momentum_encoder_;
};

}  // namespace amcl
