#include "models/objectives/two_views.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/pair_formulas.h"

namespace amcl {

void check_two_views(const char* objective, const Tensor& z) {
  AMCL_CHECK(z.rank() == 3, objective, ": z must be [heads, 2N, d], got ", z.shape());
  AMCL_CHECK(z.dim(1) % 2 == 0 && z.dim(1) >= 4, objective,
             ": needs two views of N >= 2 images (there are no negatives otherwise), got ",
             z.dim(1), " rows");
}

TwoViews pair_two_views(const Tensor& z) {
  const int64_t rows = z.dim(1);
  std::vector<int32_t> positive(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i)
    positive[static_cast<size_t>(i)] = static_cast<int32_t>((i + rows / 2) % rows);
  const Tensor u = l2_normalize(cast(z, stat_dtype(z.dtype())));
  return {.u = u,
          .similarity = matmul(u, u, {.trans_b = true}),
          .positive = Tensor::from_host(z.device(), {rows}, std::span<const int32_t>(positive))};
}

double two_view_chance_level(const PairLossSpec& spec, int64_t heads, int64_t images) {
  const double tau =
      spec.adaptive ? TemperatureFormula<double>(spec.range)(0.0).tau : spec.temperature;
  const double positive = OmegaFormula<double>(spec.beta_positive, spec.a_positive).logit(0.0, tau);
  const double negative = OmegaFormula<double>(spec.beta_negative, spec.a_negative).logit(0.0, tau);
  const int64_t negatives = 2 * images - 2;
  double reduced = negative;
  if (spec.reducer == PairReducer::lse) {
    const double shift = std::max(positive, negative);
    reduced = shift + std::log((spec.with_positive ? std::exp(positive - shift) : 0.0) +
                               static_cast<double>(negatives) * std::exp(negative - shift));
  } else if (spec.with_positive) {
    // All similarities tie, so the kappa lowest indices are selected: among them is the positive of
    // row i >= N, the candidate i - N, if i - N < kappa, and that of row i < N, the candidate i + N
    // (number i + N - 1 without the row itself), if i + N - 1 < kappa.
    const int64_t wanted = spec.reducer == PairReducer::hard ? 1 : spec.topk;
    const int64_t kappa = std::min(wanted, negatives + 1);
    const int64_t selected =
        std::min(kappa, images) + std::clamp<int64_t>(kappa - images + 1, 0, images);
    reduced += (positive - negative) * static_cast<double>(selected) /
               static_cast<double>(2 * images * kappa);
  }
  const double anchor = OmegaFormula<double>(spec.anchor_beta, spec.anchor_a).omega(tau);
  return static_cast<double>(heads) * (reduced - positive + anchor);
}

}  // namespace amcl
