// What the features are worth while a run goes on: accuracies where there are labels, alignment and
// uniformity where there are none. Nothing of it reaches the encoder: a run has the same bits with
// and without.
//
//   kNN      k = 20, T = 0.1, on backbone features; the bank is up to 4,096 training images, evenly
//            spaced, asked for up to 1,024 test images, and no more than a quarter of the bank
//   linear   softmax regression on the standardised backbone features of the training batches,
//            learning along with the run (momentum 0.9, rate 0.03 falling with a cosine), asked for
//            the same test images
//   without labels: alignment and uniformity of two augmented views of up to 512 training images
//   always   effective rank of the backbone features of up to 512 training images
//
// An evaluation is up to 5,120 forward passes; an epoch of all of CIFAR-10 is worth about 300,000
// (two views, and a backward pass like two more).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "data/views/augment_policy.h"
#include "engine/io/safetensors.h"
#include "models/methods/method.h"
#include "train/evaluation/embed.h"
#include "train/evaluation/softmax_regression.h"

namespace amcl {

inline constexpr int64_t kOnlineNeighbours = 20;
inline constexpr double kOnlineTemperature = 0.1;

struct OnlineScores {
  int64_t bank = 0;                     // training images of the kNN
  int64_t queries = 0;                  // test images
  std::optional<double> knn_top1 = {};  // percent
  std::optional<double> linear_top1 = {};
  std::optional<double> alignment = {};
  std::optional<double> uniformity = {};
  double effective_rank = 0.0;
};

class OnlineEvaluation {
 public:
  // `train` and `test` hold images of the same kind; if one of them has no labels, neither is asked
  // for any. All must outlive the evaluation; of `test` the images that are needed are copied. No
  // more than `images_at_once` go through the encoder at once: where those are the images of a
  // step, an evaluation takes less memory than the step, which keeps its activations.
  OnlineEvaluation(Backend& backend, Method& method, const Dataset& train, const Dataset& test,
                   const AugmentPolicy& policy, uint64_t seed, int64_t images_at_once);

  // Lets the linear probe learn from a training batch: features [V N, D] of V views of the N
  // `samples`, view after view; `progress` of the run from 0 to 1.
  void learn(const Tensor& features, const std::vector<int64_t>& samples, double progress);

  bool labelled() const { return probe_ != nullptr; }
  // `between` is called between batches; what it throws ends the evaluation.
  OnlineScores evaluate(const BetweenBatches& between = [] {});

  // The probe's state as tensors online_probe.*; load takes it back, and leaves the probe as it is
  // where the file has none. Throws Error(data) if it has other sizes.
  void store(SafetensorsFile& file);
  void load(const SafetensorsFile& file, const std::string& path);

  // Memory that it takes for images, features and similarities, besides that of a forward pass.
  int64_t bytes() const;

 private:
  void score_labels(OnlineScores& scores, const Tensor& bank, const BetweenBatches& between);
  void score_views(OnlineScores& scores, const BetweenBatches& between);
  std::array<Tensor, 2> view_features(const BetweenBatches& between);

  Backend& backend_;
  Method& method_;
  const Dataset& train_;
  AugmentPolicy policy_;
  uint64_t seed_;
  int64_t at_once_;
  Dataset queries_;                            // empty without labels
  std::vector<int64_t> bank_;                  // training images
  std::unique_ptr<SoftmaxRegressions> probe_;  // none without labels
  int64_t classes_ = 0;
};

}  // namespace amcl
