#include "tests/support/compare.h"

#include <cmath>

namespace amcl::test {

std::string difference(const Tensor& got, const Tensor& want, double tolerance) {
  if (got.shape() != want.shape())
    return concat_text("got shape ", got.shape(), ", want ", want.shape());
  const std::vector<double> values = got.to_host<double>();
  const std::vector<double> expected = want.to_host<double>();
  double squares = 0.0;
  for (const double value : expected) squares += value * value;
  const double rms = std::sqrt(squares / static_cast<double>(expected.size()));
  size_t worst = 0;
  double worst_excess = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(values[i] - expected[i]);
    const double excess = error / (tolerance * (std::abs(expected[i]) + rms));
    if (error == 0.0 || excess <= worst_excess) continue;
    worst = i;
    worst_excess = std::isnan(excess) ? INFINITY : excess;
  }
  if (worst_excess <= 1.0) return "";
  return concat_text("element ", worst, " of ", want.shape(), " is ", values[worst], ", want ",
                     expected[worst], ": ", worst_excess, " times the tolerance ", tolerance);
}

}  // namespace amcl::test
