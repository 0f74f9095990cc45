// What the AMCL objectives have in common: how the temperature follows from the score and where its
// regulariser Omega(tau; a) = a log tau + 1/tau enters (spec S3.2, S3.4).
#pragma once
#include <optional>

#include "engine/backend/op_specs.h"

namespace amcl {

// Where Omega enters the contrastive losses (spec S3.4). `anchored` adds beta Omega of the
// positive's temperature to each anchor's loss; `paired` (the paper) puts beta Omega into every
// logit, where it cancels between pairs of about the same temperature (S10c).
enum class OmegaPlacement : uint8_t { anchored, paired };
inline constexpr const char* kOmegaPlacementNames[] = {"anchored", "paired"};

struct AmclOptions {
  // How the logits of D(i) are reduced (S4.3); contrastive losses only.
  PairReducer reducer = PairReducer::lse;
  int64_t topk = 1;           // kappa of reducer topk
  bool with_positive = true;  // whether D(i) holds the positive: equation (2.4), else (2.1)

  OmegaPlacement placement = OmegaPlacement::anchored;
  double beta = 0.3;
  std::optional<double> a = 5.0;  // none: d/2, the paper's value
  bool sums_negatives = false;    // of the reducer's negatives Omega is summed, not averaged
  std::optional<double> beta_negative = {};  // paired only; none: beta, or topk beta where summed
  std::optional<double> a_negative = {};     // paired only; none: a

  TemperatureRange range = {};  // of the adaptive temperature
  bool adaptive = true;         // temperatures from a TemperatureNet; else `temperature`
  double temperature = 0.2;     // the constant
};

// (beta, a) of the positives and of the negatives for d features, after the defaults above.
struct OmegaWeights {
  double beta_positive;
  double a_positive;
  double beta_negative;
  double a_negative;
};
OmegaWeights omega_weights(const AmclOptions& options, int64_t features);
// Puts those weights in the place of the fields that are left to them; of the negatives only if
// `negatives`.
void fill_omega_weights(AmclOptions& options, int64_t features, bool negatives);

// Throws Error(usage), naming the objective, where spec S9 refuses the options.
void check_options(const char* objective, const AmclOptions& options);
// Throws Error(usage) unless there is a temperature net exactly where the temperature is adaptive.
void check_net(const char* objective, const AmclOptions& options, bool has_net);

// The kernel's spec for a pair matrix of `features` features (self_offset stays to be set).
PairLossSpec pair_loss_spec(const AmclOptions& options, int64_t features);

}  // namespace amcl
