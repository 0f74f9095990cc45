// A self-supervised method: encoder, heads and objective, cut at the projections so that exact
// micro-batches and several devices can come between. SimCLR is one; MoCo, Barlow Twins and SimSiam
// add a class each.
#pragma once
#include <string>
#include <vector>

#include "engine/nn/layers.h"
#include "models/objectives/objective.h"

namespace amcl {

// Outputs of the encoder that the loss reads, each [C, rows, d]; for SimCLR one tensor z [C, 2N,
// d].
using Projections = std::vector<Tensor>;

class Method {
 public:
  virtual ~Method() = default;

  // images [2N, H, W, 3]: rows 0..N-1 are view 1, rows N..2N-1 view 2.
  virtual Projections project(const Tensor& images, const ForwardContext& context) = 0;
  virtual Loss loss(const Projections& projections) = 0;
  // After the optimiser step: momentum encoder, queue.
  virtual void finish_step() {}
  // Backbone features [N, D] of images [N, H, W, 3], for evaluation.
  virtual Tensor features(const Tensor& images, const ForwardContext& context) = 0;
  virtual int64_t feature_dim() const = 0;
  // Backbone features of the images of the last project(), without gradient, view after view: what
  // an online probe learns from.
  const Tensor& projected_features() const { return projected_features_; }
  // For messages and records.
  virtual const std::string& objective_name() const = 0;
  // The loss when all similarities are 0 and all temperatures at their start value, for 2N rows.
  virtual double chance_level(int64_t images) const = 0;
  // Backbone under "backbone.", heads under "projector.*.", temperature net under
  // "temperature_net.".
  virtual void visit(const ModuleVisitor& visitor) = 0;

 protected:
  void keep_features(const Tensor& features) { projected_features_ = tape::detach(features); }

 private:
  Tensor projected_features_;
};

}  // namespace amcl
