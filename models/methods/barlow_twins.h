// Barlow Twins (Zbontar, Jing, Misra, LeCun, Deny, ICML 2021): two views of each image through one
// encoder and C projection heads; the feature columns of the two views are to be equal and
// uncorrelated. AMCL gives each pair of columns a temperature (spec S7).
#pragma once
#include <optional>

#include "models/methods/method.h"
#include "models/objectives/amcl_barlow.h"

namespace amcl {

struct BarlowTwinsOptions {
  ResNetOptions backbone;
  ProjectionHeadOptions projector = {
      .layers = 3, .hidden = 2048, .dim = 2048, .norm = HeadNorm::hidden};
  ObjectiveOptions objective;
  BarlowOptions barlow;
  BarlowFit fit = BarlowFit::outside;  // adaptive only
  double scale = 1.0;                  // of the loss
  // Adaptive only: scores from the correlation; else from a net over the columns, which reads
  // `batch` images and no other number.
  bool correlation_score = true;
  int64_t batch = 0;
};

class BarlowTwins final : public Method {
 public:
  BarlowTwins(Backend& backend, uint64_t seed, const BarlowTwinsOptions& options,
              DType dtype = DType::f32);

  void set_temperature_warmup(double share) override;
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
