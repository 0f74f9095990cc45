// SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020): two views of each image through one encoder
// and C projection heads; the objective is NT-Xent or, with a temperature net, AMCL-NT-Xent.
#pragma once
#include "models/methods/two_view_method.h"
#include "models/objectives/nt_xent.h"

namespace amcl {

class SimClr;

struct SimClrOptions {
  using Built = SimClr;
  static constexpr MethodTraits traits{
      .name = "simclr", .temperature = 0.5, .has_all_forms = true, .usually_adaptive = true};

  ResNetOptions backbone;
  ProjectionHeadOptions projector;
  ObjectiveOptions objective;
  BatchNormOptions batch_norm = {};

  static SimClrOptions usual(const TemperatureChoice& choice);
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  int64_t encoder_views() const { return 2; }
};

class SimClr final : public TwoViewMethod {
 public:
  SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype = DType::f32);

  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;
  NtXentOptions nt_xent_options() const;

  SimClrOptions options_;
};

}  // namespace amcl
