// A self-supervised method: two views of each image, projection heads and an objective; what adaptive
// temperatures add is the same for all.
#pragma once
#include <optional>

#include "models/methods/method.h"
#include "models/temperature_net.h"

namespace amcl {

class TwoViewMethod : public Method {
 public:
  int64_t views() const override { return 2; }
  void set_temperature_warmup(double share) override;
  // The objective's, and in its total the decorrelation of the heads of the first projections, if it
  // has a weight.
  Loss loss(const Projections& projections) override;
  // Of the rows of two views, unless a method has others.
  ComparedPairs compared_pairs(const Projections& projections, int64_t anchors) override;
  // Heads under "projector.*.", predictor under "predictor.*.", temperature net under
  // "temperature_net."; buffers of MoCo and BYOL under "momentum_encoder.", of MoCo under "queue.*.".
  void visit(const ModuleVisitor& visitor) override;

 protected:
  TwoViewMethod(Backend& backend, uint64_t seed, DType dtype, const ResNetOptions& backbone,
                const ProjectionHeadOptions& projector, const ObjectiveOptions& objective);

  // phi over `features` numbers of a row, where temperatures are adaptive. The last thing that a method makes
  // of its initializer: parameters are drawn in the order in which they are made.
  void make_temperature_net(int64_t heads, int64_t features);
  // Null for constant temperatures.
  TemperatureNet* temperature_net() { return temperature_net_ ? &*temperature_net_ : nullptr; }

  Tensor head(const Tensor& features, const ForwardContext& context) override {
    return heads_.forward(features, context);
  }
  virtual Loss objective(const Projections& projections) = 0;
  // What a method trains besides backbone, heads and temperature net, and what it keeps in buffers.
  virtual void visit_trained(const ModuleVisitor& /*visitor*/) {}
  virtual void visit_buffers(const ModuleVisitor& /*visitor*/) {}

  ProjectionHead heads_;
  const ObjectiveOptions objective_options_;

 private:
  std::optional<TemperatureNet> temperature_net_;
};

}  // namespace amcl
