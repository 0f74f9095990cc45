// AMCL-Barlow Twins (Wang, Koniusz, Gedeon, Zheng, ECCV 2024, equation (2.3); spec S7), one loss per
// head, summed over heads.
//
//   x, y      [C, N, d]  raw projections of the two views
//   Cr, tau   [C, d, d]  cross-correlation of the columns (barlow.cpp) and temperature of each pair
//   per_head  [C]        total = their sum
//
//   loss_c = fit + lambda sum_{l != m} Cr_lm^2 / tau_lm
//                + beta sum_l Omega(tau_ll; a) - beta_negative sum_{l != m} Omega(tau_lm; a_negative)
//   fit    = sum_l (1 - Cr_ll)^2 / tau_ll (outside) or sum_l (1 - Cr_ll / tau_ll)^2 (inside)
//
// Diagonals [C, d] are computed from aligned columns; sums over l != m are sums over all pairs less
// the diagonal, which needs no mask of the size of the matrix.
#include "models/objectives/amcl_barlow.h"

#include <cmath>

#include "engine/backend/backend.h"
#include "engine/ops/ops.h"
#include "models/objectives/chance_level.h"
#include "models/objectives/temperature_statistics.h"

namespace amcl {
namespace {

// tau and 1 / tau of all pairs [C, d, d] or of the diagonal [C, d].
struct Temperatures {
  Tensor tau;
  Tensor inverse;

  explicit Temperatures(const Tensor& values) : tau(values), inverse(reciprocal(values)) {}
  // Omega = a log tau + 1 / tau
  Tensor omega(double a) const { return add(scale(log(tau), a), inverse); }
};

Loss loss_of(const CrossCorrelation& correlation, const Temperatures& all,
             const Temperatures& diagonal, const AmclBarlowOptions& options) {
  const Tensor& on = correlation.diagonal;
  const Tensor residual = options.fit == BarlowFit::inside
                              ? square(affine(multiply(on, diagonal.inverse), -1.0, 1.0))
                              : multiply(square(affine(on, -1.0, 1.0)), diagonal.inverse);
  const Tensor redundancy = off_diagonal_sum(multiply(square(correlation.matrix), all.inverse),
                                             multiply(square(on), diagonal.inverse));
  const auto [beta, a, beta_negative, a_negative] = omega_weights(options.amcl, on.dim(1));
  Tensor per_head = add(sum_rows(residual), scale(redundancy, options.barlow.lambda));
  per_head = add(per_head, scale(sum_rows(diagonal.omega(a)), beta));
  if (beta_negative > 0.0)
    per_head = subtract(
        per_head,
        scale(off_diagonal_sum(all.omega(a_negative), diagonal.omega(a_negative)), beta_negative));
  if (!options.amcl.adaptive) return sum_over_heads(per_head);
  return sum_over_heads(per_head,
                        temperature_statistics({on, diagonal.tau}, {correlation.matrix, all.tau},
                                               options.amcl.range));
}

// The options are refused before any work; the scores are wanted if and only if they are adaptive.
CrossCorrelation checked_correlation(const Tensor& x, const Tensor& y,
                                     const AmclBarlowOptions& options, bool has_scores) {
  check_options("amcl_barlow", options.amcl);
  check_net("amcl_barlow", options.amcl, has_scores);
  return cross_correlation("amcl_barlow", x, y, options.barlow);
}

}  // namespace

CorrelationScore::CorrelationScore(Initializer& initializer)
    : gain(initializer.uniform_fan_in({1}, 1), ParameterRole::temperature),
      offset(initializer.uniform_fan_in({1}, 1), ParameterRole::temperature) {}

std::function<Tensor(const Tensor&)> CorrelationScore::scores() {
  return [factor = warmup.applied_to(gain.tracked()), shift = warmup.applied_to(offset.tracked()),
          held = detach](const Tensor& correlation) {
    return add(multiply(held ? tape::detach(correlation) : correlation, factor), shift);
  };
}

void CorrelationScore::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  visitor.parameter(join(prefix, "gain"), gain);
  visitor.parameter(join(prefix, "offset"), offset);
}

Loss amcl_barlow(const Tensor& x, const Tensor& y, CorrelationScore& score,
                 const AmclBarlowOptions& options) {
  const CrossCorrelation correlation = checked_correlation(x, y, options, true);
  const auto temperatures = [scores = score.scores(), &options](const Tensor& cr) {
    return Temperatures(temperature(scores(cr), options.amcl.range));
  };
  return loss_of(correlation, temperatures(correlation.matrix), temperatures(correlation.diagonal),
                 options);
}

Loss amcl_barlow(const Tensor& x, const Tensor& y, TemperatureNet& net,
                 const AmclBarlowOptions& options) {
  AMCL_CHECK(net.options().kind == TemperatureNetKind::dot,
             "amcl_barlow: a temperature net over columns must be of the dot form");
  AMCL_CHECK(x.rank() != 3 || x.dim(1) == net.features(),
             "amcl_barlow: the temperature net reads columns of ", net.features(),
             " rows, got a batch of ", x.dim(1), "; the batch size is frozen into it");
  const CrossCorrelation correlation = checked_correlation(x, y, options, true);
  const TemperatureRange& range = options.amcl.range;
  return loss_of(
      correlation, Temperatures(temperature(net.scores(correlation.x, correlation.y), range)),
      Temperatures(temperature(net.aligned_scores(correlation.x, correlation.y), range)), options);
}

Loss amcl_barlow(const Tensor& x, const Tensor& y, const AmclBarlowOptions& options) {
  const CrossCorrelation correlation = checked_correlation(x, y, options, false);
  const auto constant = [&](const Tensor& like) {
    Tensor tau = Tensor::empty_like(like);
    backend_of(tau).fill(tau, options.amcl.temperature);
    return Temperatures(tau);
  };
  return loss_of(correlation, constant(correlation.matrix), constant(correlation.diagonal),
                 options);
}

double amcl_barlow_chance_level(int64_t features, const AmclBarlowOptions& options) {
  const double tau = start_temperature(pair_loss_spec(options.amcl, features));
  const auto omega = [tau](double a) { return a * std::log(tau) + 1.0 / tau; };
  const auto [beta, a, beta_negative, a_negative] = omega_weights(options.amcl, features);
  const auto diagonal = static_cast<double>(features);
  const double fit = options.fit == BarlowFit::inside ? 1.0 : 1.0 / tau;
  return diagonal * (fit + beta * omega(a)) -
         diagonal * (diagonal - 1.0) * beta_negative * omega(a_negative);
}

}  // namespace amcl
