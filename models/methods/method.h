// What a run trains: an encoder, what stands on it, and a loss, cut at the projections so that exact
// micro-batches and several devices can come between. Each method is a class (list.h names all); what
// those that compare views have in common is in two_view_method.h.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/nn/layers.h"
#include "models/methods/method_options.h"
#include "models/objectives/compared_pairs.h"
#include "models/objectives/objective.h"

namespace amcl {

// Outputs of the encoder that the loss reads, each [C, rows, d] with as many rows for each image of
// the batch; the first is the projection z of the trained encoder.
using Projections = std::vector<Tensor>;

class Method {
 public:
  virtual ~Method() = default;

  // Views of each of the N images of a batch, V.
  virtual int64_t views() const = 0;
  // A training step may be recorded once and replayed (Device::capture). What changes with its
  // number, which counts from 1 to the `steps` of the run, therefore lies in device memory and is
  // written here, before the step and on the host: random draws, the place in the queue, a momentum.
  virtual void prepare_step(int64_t /*number*/, int64_t /*steps*/) {}
  // In the same place, for a method that learns from labels: those of the images of the batch.
  virtual void prepare_labels(std::span<const int32_t> /*labels*/) {}
  // Of adaptive temperatures that warm up, in the same place: the share of the scores that counts, from
  // 0 to 1 (models/temperature_warmup.h).
  virtual void set_temperature_warmup(double /*share*/) {}
  // After the trained encoder was given weights from elsewhere: one that follows it becomes its copy.
  virtual void follow_at_once() {}
  // From here to finish_step() methods give the device work and read nothing back.
  // Before the forward pass: the momentum encoder.
  virtual void begin_step() {}
  // images [V N, H, W, 3], view after view. Of a batch in parts, each part has all views of its
  // images. Unless a method has more: z [C, V N, d] alone.
  virtual Projections project(const Tensor& images, const ForwardContext& context);
  // Of the projections of a whole batch.
  virtual Loss loss(const Projections& projections) = 0;
  // Similarities and temperatures of the pairs of up to `anchors` anchors, as the loss compares them.
  // The temperatures are those of the present net. Empty for a method that compares no pairs.
  virtual ComparedPairs compared_pairs(const Projections& /*projections*/, int64_t /*anchors*/) {
    return {};
  }
  // After the optimiser step: the queue takes the keys of the last loss, if `gate` [1] is a number
  // or empty (engine/backend/step_gate.h).
  virtual void finish_step(const Tensor& /*nullable_gate*/) {}
  // Backbone features [N, D] of images [N, H, W, 3], for evaluation.
  Tensor features(const Tensor& images, const ForwardContext& context) {
    return backbone_.forward(images, context);
  }
  // Projections [C, N, d] of images [N, H, W, 3], for evaluation.
  Tensor projections(const Tensor& images, const ForwardContext& context) {
    return head(features(images, context), context);
  }
  ResNet& backbone() { return backbone_; }
  int64_t feature_dim() const { return backbone_.feature_dim(); }
  // Backbone features of the images of the last project(), without gradient, view after view: what
  // an online probe learns from.
  const Tensor& projected_features() const { return projected_features_; }
  // For messages and records.
  const std::string& objective_name() const { return objective_name_; }
  // The loss when all similarities are 0 and all temperatures at their start value, or all logits equal,
  // for N images.
  virtual double chance_level(int64_t images) const = 0;
  // What the time of the loss of N images grows with: pairs that it compares, of rows or, for Barlow
  // Twins, of features.
  virtual int64_t pair_count(int64_t images) const = 0;
  // Backbone under "backbone.", what else is trained, buffers.
  virtual void visit(const ModuleVisitor& visitor) = 0;

 protected:
  // `dtype` of parameters, heads and loss.
  Method(Backend& backend, uint64_t seed, DType dtype, const ResNetOptions& backbone,
         std::string objective_name);

  // Projections [C, M, d] of features [M, D].
  virtual Tensor head(const Tensor& features, const ForwardContext& context) = 0;
  // Features [M, D] of images [M, H, W, 3], kept for projected_features().
  Tensor encode(const Tensor& images, const ForwardContext& context);

  Initializer initializer_;
  ResNet backbone_;

 private:
  std::string objective_name_;
  Tensor projected_features_;
};

}  // namespace amcl
