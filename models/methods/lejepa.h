// LeJEPA (Balestriero, LeCun, arXiv 2511.08544): the projections of an image's views are to be equal,
// and those of a view distributed like a standard normal, which is tested along random directions,
// new ones at each step (spec S2.6). There is no predictor, no second encoder and no negative.
#pragma once
#include "models/methods/two_view_method.h"

namespace amcl {

class Lejepa;

struct LejepaOptions {
  using Built = Lejepa;
  static constexpr MethodTraits traits{.name = "lejepa", .has_amcl = false};

  ResNetOptions backbone;
  ProjectionHeadOptions projector = {
      .layers = 3, .hidden = 512, .dim = 64, .norm = HeadNorm::hidden};
  double lambda = 0.05;  // the weight of SIGReg; 1 - lambda that of the prediction
  int64_t slices = 256;  // directions per step
  ObjectiveOptions objective = {.name = "lejepa"};
  BatchNormOptions batch_norm = {};

  static LejepaOptions usual(const TemperatureChoice&) { return {}; }
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const { visit_encoder_shapes(*this, visitor); }
  int64_t encoder_views() const { return 2; }
};

class Lejepa final : public TwoViewMethod {
 public:
  // Throws Error(usage) for a lambda outside [0, 1] and for slices < 1.
  Lejepa(Backend& backend, uint64_t seed, const LejepaOptions& options, DType dtype = DType::f32);

  void prepare_step(int64_t number, int64_t steps) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;

  uint64_t seed_;
  LejepaOptions options_;
  Tensor directions_;  // [slices, d] unit rows, of the present step
};

}  // namespace amcl
