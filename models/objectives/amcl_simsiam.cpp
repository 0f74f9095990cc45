// AMCL-SimSiam (Wang, Koniusz, Gedeon, Zheng, ECCV 2024, equation (2.2); spec S6), one loss per
// head, summed over heads.
//
//   p1, p2    [C, N, d]  predictions of the two views; their unit rows are the anchors
//   z1, z2    [C, N, d]  projections of the two views, constant
//   s, tau    [C, N]     cosine and temperature of the pairs (p1_i, z2_i) and (p2_i, z1_i)
//   per_head  [C]        total = their sum
//
//   loss_c = 1/N sum over both pairs of ( -s / (2 tau) + beta Omega(tau) )
//          = 1/N sum ( (beta - s / 2) / tau + beta a log tau )
//
// The half stands on s but not on Omega, as printed; bounded below only if beta >= 1/2 (S10c).
#include "models/objectives/amcl_simsiam.h"

#include <array>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/objectives/chance_level.h"
#include "models/objectives/simsiam.h"
#include "models/objectives/temperature_statistics.h"

namespace amcl {
namespace {

// The pairs of one direction, all [C, N].
struct Pairs {
  Tensor loss;
  Tensor similarity;
  Tensor temperature;  // an empty handle if it is constant
};

Pairs pair_losses(const Tensor& prediction, const Tensor& target, TemperatureNet* nullable_net,
                  const AmclOptions& options) {
  const DType type = stat_dtype(prediction.dtype());
  const Tensor u = l2_normalize(cast(prediction, type));
  const Tensor v = l2_normalize(tape::detach(cast(target, type)));
  const Tensor s = row_dot(u, v);
  const auto [beta, a, beta_negative, a_negative] = omega_weights(options, prediction.dim(2));
  if (!options.adaptive) {
    const double tau = options.temperature;
    return {affine(s, -0.5 / tau, beta * (a * std::log(tau) + 1.0 / tau)), s, {}};
  }
  const Tensor tau = temperature(nullable_net->aligned_scores(u, v), options.range);
  return {add(multiply(affine(s, -0.5, beta), reciprocal(tau)), scale(log(tau), beta * a)), s, tau};
}

Tensor statistics_of(const Pairs& first, const Pairs& second, const TemperatureRange& range) {
  if (!first.temperature.defined()) return {};
  const NoTapeScope no_tape;
  const std::array similarities{first.similarity, second.similarity};
  const std::array temperatures{first.temperature, second.temperature};
  return temperature_statistics({concat(similarities, 1), concat(temperatures, 1)}, {}, range);
}

}  // namespace

Loss amcl_simsiam(const Tensor& p1, const Tensor& z1, const Tensor& p2, const Tensor& z2,
                  TemperatureNet* nullable_net, const AmclOptions& options) {
  check_simsiam_shapes("amcl_simsiam", p1, z1, p2, z2);
  check_options("amcl_simsiam", options);
  check_net("amcl_simsiam", options, nullable_net != nullptr);
  const Pairs first = pair_losses(p1, z2, nullable_net, options);
  const Pairs second = pair_losses(p2, z1, nullable_net, options);
  return sum_over_heads(mean_rows(add(first.loss, second.loss)),
                        statistics_of(first, second, options.range));
}

double amcl_simsiam_chance_level(int64_t features, const AmclOptions& options) {
  const double tau = start_temperature(pair_loss_spec(options, features));
  const OmegaWeights weights = omega_weights(options, features);
  return 2.0 * weights.beta_positive * (weights.a_positive * std::log(tau) + 1.0 / tau);
}

}  // namespace amcl
