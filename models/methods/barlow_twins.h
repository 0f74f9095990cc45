// Barlow Twins (Zbontar, Jing, Misra, LeCun, Deny, ICML 2021): two views of each image through one
// encoder and C projection heads; the feature columns of the two views are to be equal and
// uncorrelated. AMCL gives each pair of columns a temperature (spec S7).
#pragma once
#include <optional>

#include "models/methods/two_view_method.h"
#include "models/objectives/amcl_barlow.h"

namespace amcl {

// What gives a pair of columns its score: their correlation, or a net that reads both.
enum class BarlowScore : uint8_t { correlation, columns };
inline constexpr const char* kBarlowScoreNames[] = {"correlation", "columns"};

class BarlowTwins;

struct BarlowTwinsOptions {
  using Built = BarlowTwins;
  static constexpr MethodTraits traits{
      .name = "barlow",
      // The first gradient has a norm of 10,000, which would replace the initial weights.
      .sgd = {.clip_norm = 1.0},
      .sgd_adaptive = {.clip_norm = 1.0}};

  ResNetOptions backbone;
  ProjectionHeadOptions projector = {
      .layers = 3, .hidden = 2048, .dim = 2048, .norm = HeadNorm::hidden};
  ObjectiveOptions objective;
  BatchNormOptions batch_norm = {};
  BarlowOptions barlow;
  BarlowFit fit = BarlowFit::outside;  // adaptive only
  double scale = 1.0;                  // of the loss
  // Adaptive only. The net over the columns reads `batch` images and no other number.
  BarlowScore score = BarlowScore::correlation;
  int64_t batch = 0;

  static BarlowTwinsOptions usual(const TemperatureChoice& choice);
  void visit_settings(const SettingVisitor& visitor);
  void visit_shapes(const ShapeVisitor& visitor) const;
  int64_t encoder_views() const { return 2; }
};

// The form of AMCL.
ObjectiveOptions amcl_barlow_objective();

class BarlowTwins final : public TwoViewMethod {
 public:
  BarlowTwins(Backend& backend, uint64_t seed, const BarlowTwinsOptions& options,
              DType dtype = DType::f32);

  void set_temperature_warmup(double share) override;
  // Feature columns of the two views: a column is an anchor, correlation the similarity.
  ComparedPairs compared_pairs(const Projections& projections, int64_t anchors) override;
  double chance_level(int64_t images) const override;
  int64_t pair_count(int64_t images) const override;

 private:
  Loss objective(const Projections& projections) override;
  void visit_trained(const ModuleVisitor& visitor) override;
  AmclBarlowOptions amcl_options() const;

  BarlowTwinsOptions options_;
  std::optional<CorrelationScore> correlation_score_;  // in the place of the temperature net
};

}  // namespace amcl
