// SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020): two views of each image through one encoder
// and C projection heads; the objective is NT-Xent or, with a temperature net, AMCL-NT-Xent.
#pragma once
#include <optional>

#include "engine/backend/backend.h"
#include "models/method.h"
#include "models/objectives/presets.h"
#include "models/temperature_net.h"

namespace amcl {

struct SimClrOptions {
  ResNetOptions backbone;
  ProjectionHeadOptions projector;
  ObjectiveOptions objective;
};

class SimClr final : public Method {
 public:
  SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype = DType::f32);

  void set_score_share(double share) override;
  Projections project(const Tensor& images, const ForwardContext& context) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;
  void visit(const ModuleVisitor& visitor) override;

 private:
  Loss objective(const Projections& projections) override;
  SimClr(Initializer initializer, const SimClrOptions& options);

  SimClrOptions options_;
  std::optional<TemperatureNet> temperature_net_;  // adaptive temperatures only
};

}  // namespace amcl
