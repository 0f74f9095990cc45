// SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020): two views of each image through one encoder
// and C projection heads; the objective is NT-Xent or, with a temperature net, AMCL-NT-Xent.
#pragma once
#include "models/methods/method.h"

namespace amcl {

struct SimClrOptions {
  ResNetOptions backbone;
  ProjectionHeadOptions projector;
  ObjectiveOptions objective;
};

class SimClr final : public Method {
 public:
  SimClr(Backend& backend, uint64_t seed, const SimClrOptions& options, DType dtype = DType::f32);

  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;

  SimClrOptions options_;
};

}  // namespace amcl
