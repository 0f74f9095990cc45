// SimSiam (Chen, He, "Exploring simple Siamese representation learning", CVPR 2021): two views of
// each image through one encoder and C projection heads; a predictor per head maps the projection of
// one view to that of the other, which is a constant. AMCL gives each pair a temperature (spec S6).
#pragma once
#include "models/methods/two_view_method.h"

namespace amcl {

class SimSiam;

struct SimSiamOptions {
  using Built = SimSiam;
  static constexpr MethodTraits traits{
      .name = "simsiam",
      .sgd = {.rate = 0.15},
      .sgd_adaptive = {.rate = 0.08, .why_rate = "its encoder learns from all heads"}};

  ResNetOptions backbone;
  ProjectionHeadOptions projector = {.hidden = 2048, .dim = 2048, .norm = HeadNorm::all};
  int64_t predictor_hidden = 512;
  ObjectiveOptions objective;
  BatchNormOptions batch_norm = {};

  static SimSiamOptions usual(const TemperatureChoice& choice);
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  int64_t encoder_views() const { return 2; }
};

// The form of AMCL.
ObjectiveOptions amcl_simsiam_objective();

class SimSiam final : public TwoViewMethod {
 public:
  // The predictor's learning rate is not decayed (section 4.2 of the paper).
  SimSiam(Backend& backend, uint64_t seed, const SimSiamOptions& options, DType dtype = DType::f32);

  // z and the predictions p from it, each [C, 2N, d].
  Projections project(const Tensor& images, const ForwardContext& context) override;
  // Predictions with projections of the other view.
  ComparedPairs compared_pairs(const Projections& projections, int64_t anchors) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;
  void visit_trained(const ModuleVisitor& visitor) override;

  SimSiamOptions options_;
  ProjectionHead predictor_;
};

}  // namespace amcl
