// A self-supervised method: backbone, projection heads and objective, cut at the projections so that exact
// micro-batches and several devices can come between. Each method is a class (list.h names all); what
// adaptive temperatures add is the same for all.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/nn/layers.h"
#include "models/methods/method_options.h"
#include "models/objectives/compared_pairs.h"
#include "models/objectives/objective.h"
#include "models/temperature_net.h"

namespace amcl {

// Outputs of the encoder that the loss reads, each [C, rows, d] with as many rows for each image of
// the batch; the first is the projection z of the trained encoder.
using Projections = std::vector<Tensor>;

class Method {
 public:
  virtual ~Method() = default;

  // A training step may be recorded once and replayed (Device::capture). What changes with its
  // number, which counts from 1 to the `steps` of the run, therefore lies in device memory and is
  // written here, before the step and on the host: random draws, the place in the queue, a momentum.
  virtual void prepare_step(int64_t /*number*/, int64_t /*steps*/) {}
  // Of adaptive temperatures that warm up, in the same place: the share of the scores that counts, from
  // 0 to 1 (models/temperature_warmup.h).
  virtual void set_temperature_warmup(double share);
  // After the trained encoder was given weights from elsewhere: one that follows it becomes its copy.
  virtual void follow_at_once() {}
  // From here to finish_step() methods give the device work and read nothing back.
  // Before the forward pass: the momentum encoder.
  virtual void begin_step() {}
  // images [2N, H, W, 3]: rows 0..N-1 are view 1, rows N..2N-1 view 2. Of a batch in parts, each
  // part has both views of its images. Unless a method has more: z [C, 2N, d] alone.
  virtual Projections project(const Tensor& images, const ForwardContext& context);
  // Of the projections of a whole batch: the objective's, and in its total the decorrelation of the
  // heads of the first, if it has a weight.
  Loss loss(const Projections& projections);
  // Similarities and temperatures of the pairs of up to `anchors` anchors, as the loss compares them:
  // of the rows of two views, unless a method has others. The temperatures are those of the present
  // net.
  virtual ComparedPairs compared_pairs(const Projections& projections, int64_t anchors);
  // After the optimiser step: the queue takes the keys of the last loss, if `gate` [1] is a number
  // or empty (engine/backend/step_gate.h).
  virtual void finish_step(const Tensor& /*nullable_gate*/) {}
  // Backbone features [N, D] of images [N, H, W, 3], for evaluation.
  Tensor features(const Tensor& images, const ForwardContext& context) {
    return backbone_.forward(images, context);
  }
  // Projections [C, N, d] of images [N, H, W, 3], for evaluation.
  Tensor projections(const Tensor& images, const ForwardContext& context) {
    return heads_.forward(backbone_.forward(images, context), context);
  }
  ResNet& backbone() { return backbone_; }
  int64_t feature_dim() const { return backbone_.feature_dim(); }
  // Backbone features of the images of the last project(), without gradient, view after view: what
  // an online probe learns from.
  const Tensor& projected_features() const { return projected_features_; }
  // For messages and records.
  const std::string& objective_name() const { return objective_options_.name; }
  // The loss when all similarities are 0 and all temperatures at their start value, for 2N rows.
  virtual double chance_level(int64_t images) const = 0;
  // Pairs that the loss of 2N rows compares, of features for Barlow Twins: what its time grows with.
  virtual int64_t pair_count(int64_t images) const = 0;
  // Backbone under "backbone.", heads under "projector.*.", predictor under "predictor.*.",
  // temperature net under "temperature_net."; buffers of MoCo and BYOL under "momentum_encoder.", of
  // MoCo under "queue.*.".
  void visit(const ModuleVisitor& visitor);

 protected:
  // `dtype` of parameters, heads and loss.
  Method(Backend& backend, uint64_t seed, DType dtype, const ResNetOptions& backbone,
         const ProjectionHeadOptions& projector, const ObjectiveOptions& objective);

  // phi over `features` numbers of a row, where temperatures are adaptive. The last thing that a method makes
  // of its initializer: parameters are drawn in the order in which they are made.
  void make_temperature_net(int64_t heads, int64_t features);
  // Null for constant temperatures.
  TemperatureNet* temperature_net() { return temperature_net_ ? &*temperature_net_ : nullptr; }

  virtual Loss objective(const Projections& projections) = 0;
  // What a method trains besides backbone, heads and temperature net, and what it keeps in buffers.
  virtual void visit_trained(const ModuleVisitor& /*visitor*/) {}
  virtual void visit_buffers(const ModuleVisitor& /*visitor*/) {}

  // Projections [C, M, d] of images [M, H, W, 3]; keeps the features between.
  Tensor encode(const Tensor& images, const ForwardContext& context);

  Initializer initializer_;
  const ObjectiveOptions objective_options_;
  ResNet backbone_;
  ProjectionHead heads_;

 private:
  std::optional<TemperatureNet> temperature_net_;
  Tensor projected_features_;
};

}  // namespace amcl
