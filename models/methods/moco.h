// MoCo v2 (He, Fan, Wu, Xie, Girshick, "Momentum contrast for unsupervised visual representation
// learning", CVPR 2020; Chen, Fan, Girshick, He, arXiv 2003.04297): queries from the trained
// encoder, keys of the other view from a momentum encoder, negatives from a queue of past keys, per
// head. The objective is InfoNCE or, with a temperature net, AMCL-MoCo (spec S2.2, S5).
//
// A step: the momentum encoder follows; queries and keys; loss, backward, optimiser; the keys enter
// the queue. Batch norm over a whole batch would let an encoder tell a query's key by the statistics
// they share. Hence its groups (ForwardContext::batch_norm_groups) are parts of a view, and the keys
// go through the momentum encoder in shuffled order, so that a query and its key share no part.
#pragma once
#include <map>

#include "models/methods/momentum_encoder.h"
#include "models/methods/negative_queue.h"
#include "models/methods/two_view_method.h"
#include "models/objectives/info_nce_queue.h"

namespace amcl {

class Moco;

struct MocoOptions {
  using Built = Moco;
  static constexpr MethodTraits traits{
      .name = "moco",
      .temperature = 0.1,
      .has_all_forms = true,
      // The gradients of the first steps are over ten times the plain loss's.
      .sgd_adaptive = {.clip_norm = 5.0}};

  ResNetOptions backbone;
  ProjectionHeadOptions projector;
  ObjectiveOptions objective = {.name = "infonce_queue", .temperature = 0.1};
  // Eight parts of a view, as in the published recipes on small images.
  BatchNormOptions batch_norm = {.splits = 8};
  int64_t queue = 4096;            // K, keys per head
  double encoder_momentum = 0.99;  // m
  bool symmetric = true;  // each view queries keys of the other; else view 1 those of view 2
  bool shuffle_bn = true;

  static MocoOptions usual(const TemperatureChoice& choice);
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  // Where shuffled keys share their statistics with the queries after all.
  std::string warning() const;
  // An encoder of an asymmetric MoCo sees one view only.
  int64_t encoder_views() const { return symmetric ? 2 : 1; }
};

class Moco final : public TwoViewMethod {
 public:
  // Throws Error(usage) for queue < 1 or a momentum outside [0, 1].
  Moco(Backend& backend, uint64_t seed, const MocoOptions& options, DType dtype = DType::f32);

  void prepare_step(int64_t number, int64_t steps) override;
  void follow_at_once() override;
  void begin_step() override;
  // Queries q and keys k of the same images, [C, 2N, d]; not symmetric: q of view 1 and k of view 2,
  // [C, N, d].
  Projections project(const Tensor& images, const ForwardContext& context) override;
  void finish_step(const Tensor& nullable_gate) override;
  // Queries with keys: those of the other images of the batch stand for the queue.
  ComparedPairs compared_pairs(const Projections& projections, int64_t anchors) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;
  InfoNceQueueOptions info_nce_options() const;
  void visit_buffers(const ModuleVisitor& visitor) override;

  // The order in which a number of rows goes through the momentum encoder at the present step.
  struct Shuffle {
    Tensor order;  // [rows] i32
    Tensor back;   // its inverse
  };

  const Shuffle& shuffle_of(int64_t rows);
  void draw(int64_t rows, Shuffle& shuffle) const;
  Tensor keys_of(const Tensor& images, const ForwardContext& context);

  uint64_t seed_;
  MocoOptions options_;
  MomentumEncoder momentum_encoder_;
  NegativeQueue queue_;
  int64_t step_ = 1;
  std::map<int64_t, Shuffle> shuffles_;  // by rows, redrawn for each step in the same memory
  Tensor keys_;                          // of the last loss, until they enter the queue
  int64_t keys_per_step_ = 0;            // per head; 0: no step was made yet
};

}  // namespace amcl
