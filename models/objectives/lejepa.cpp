// LeJEPA (Balestriero, LeCun, "LeJEPA: provable and scalable self-supervised learning without the
// heuristics", arXiv 2511.08544; spec S2.6), one loss per head, summed over heads.
//
//   z           [C, 2N, d]  raw projections, not normalised; z_v of view v = 1, 2
//   directions  [S, d]      unit rows a, drawn anew for each step
//   per_head    [C]         total = their sum
//
//   loss_c = (1 - lambda) mean_{v,i,l} (z_vil - (z_1il + z_2il) / 2)^2 + lambda mean_v SIGReg(z_v)
//   SIGReg(x) = mean_a N int |phi_a(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt,
//   phi_a(t) = 1/N sum_n exp(i t a.x_n)
//
// The integral is the trapezoidal rule over 17 points from -5 to 5. Its integrand is even and 0 at
// t = 0: the 8 points above 0 count twice.
#include "models/objectives/lejepa.h"

#include <array>
#include <cmath>

#include "models/objectives/two_views.h"

namespace amcl {
namespace {

constexpr double kRange = 5.0;
constexpr int kPoints = 8;  // above 0

struct IntegrationPoint {
  double t;
  double normal;  // exp(-t^2/2): the characteristic function of the standard normal
  double weight;  // of the squared distance from it
};

std::array<IntegrationPoint, kPoints> integration_points() {
  std::array<IntegrationPoint, kPoints> points{};
  const double step = kRange / kPoints;
  for (int k = 1; k <= kPoints; ++k) {
    const double t = k * step;
    const double normal = std::exp(-0.5 * t * t);
    const double share = k < kPoints ? 2.0 : 1.0;  // both signs; half of it at the ends
    points[static_cast<size_t>(k - 1)] = {t, normal, share * step * normal};
  }
  return points;
}

}  // namespace

Tensor sigreg(const Tensor& x, const Tensor& directions) {
  AMCL_CHECK(x.rank() == 3 && x.dim(1) >= 1 && directions.rank() == 2 && directions.dim(0) >= 1 &&
                 directions.dim(1) == x.dim(2),
             "sigreg: rows must be [heads, N, d] and directions [S, d], got ", x.shape(), " and ",
             directions.shape());
  const Tensor sliced = matmul(tape::detach(directions), x, {.trans_b = true});  // [C, S, N]
  Tensor distance;                                                               // [C, S]
  for (const auto& [t, normal, weight] : integration_points()) {
    const Tensor angles = scale(sliced, t);
    const Tensor real = affine(mean_rows(cos(angles)), 1.0, -normal);
    const Tensor imaginary = mean_rows(sin(angles));
    const Tensor at_t = scale(add(square(real), square(imaginary)), weight);
    distance = distance.defined() ? add(distance, at_t) : at_t;
  }
  return scale(mean_rows(distance), static_cast<double>(x.dim(1)));
}

Loss lejepa(const Tensor& z, const Tensor& directions, double lambda) {
  check_two_views("lejepa", z);
  AMCL_CHECK(lambda >= 0.0 && lambda <= 1.0, "lejepa: lambda must be from 0 to 1, got ", lambda);
  const Tensor rows = cast(z, stat_dtype(z.dtype()));
  const int64_t images = z.dim(1) / 2;
  const Tensor first = slice(rows, 1, 0, images);
  const Tensor second = slice(rows, 1, images, 2 * images);
  // Either view is half of their difference away from their mean.
  const Tensor prediction = scale(mean_rows(mean_rows(square(subtract(first, second)))), 0.25);
  const Tensor both = add(sigreg(first, directions), sigreg(second, directions));
  return sum_over_heads(add(scale(prediction, 1.0 - lambda), scale(both, 0.5 * lambda)));
}

double lejepa_chance_level(int64_t heads, int64_t images, double lambda) {
  double distance = 0.0;
  for (const auto& [t, normal, weight] : integration_points())
    distance += weight * (1.0 - normal) * (1.0 - normal);
  return static_cast<double>(heads) * lambda * static_cast<double>(images) * distance;
}

}  // namespace amcl
