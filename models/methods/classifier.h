// A classifier: one linear layer on the features of a backbone, trained with labels on one view of each
// image, with the backbone or on top of one that stays as it is. What `amcl finetune` trains.
//
//   loss = (1 - s) cross-entropy(logits, label) + s mean over classes of -log softmax(logits)
//   s: label smoothing (Szegedy et al., "Rethinking the inception architecture", CVPR 2016, section 7)
#pragma once
#include "models/methods/method.h"

namespace amcl {

class Classifier;

struct ClassifierOptions {
  using Built = Classifier;
  static constexpr MethodTraits traits{
      .name = "classifier",
      .has_amcl = false,
      .labelled = true,
      .sgd = {.rate = 0.02, .why_rate = "usual for a backbone that has been trained"}};

  ResNetOptions backbone;
  // The linear layer, as a head; dim: the number of classes, 0 until the labels have said it.
  ProjectionHeadOptions projector = {.layers = 1, .dim = 0};
  ObjectiveOptions objective = {.name = "cross-entropy"};
  BatchNormOptions batch_norm = {};
  std::string labels = "all";    // of the training images: all, 10%, or a number
  bool random_init = false;      // the backbone starts from random weights
  bool freeze = false;           // the backbone stays as it is
  double head_lr = 0.1;          // peak learning rate of the linear layer
  double lr = 0.02;              // of the backbone, by the schedule
  double label_smoothing = 0.0;  // s
  int64_t batch = 0;             // N

  static ClassifierOptions usual(const TemperatureChoice&) { return {}; }
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  int64_t encoder_views() const { return 1; }
};

class Classifier final : public Method {
 public:
  // Throws Error(usage) for less than 2 classes.
  Classifier(Backend& backend, uint64_t seed, const ClassifierOptions& options,
             DType dtype = DType::f32);

  int64_t views() const override { return 1; }
  void prepare_labels(std::span<const int32_t> labels) override;
  // Logits [1, N, K].
  Projections project(const Tensor& images, const ForwardContext& context) override;
  Loss loss(const Projections& projections) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override { return images; }
  // Backbone, then "classifier.weight" [K, D] and "classifier.bias" [K]; a frozen backbone's parameters
  // are buffers.
  void visit(const ModuleVisitor& visitor) override;

 private:
  Tensor head(const Tensor& features, const ForwardContext& context) override;

  ClassifierOptions options_;
  Linear classifier_;
  Tensor labels_;  // [N] i32
};

}  // namespace amcl
