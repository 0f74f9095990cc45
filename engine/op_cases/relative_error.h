// How far a computed tensor is from the expected one.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace amcl {

// max_i |got_i - want_i| / (|want_i| + rms(want) + floor): relative, but not thrown off by elements
// that cancel to almost nothing. `floor` is the magnitude below which differences do not matter.
// Infinity where sizes differ or anything is not finite.
inline double relative_error(const std::vector<double>& got, const std::vector<double>& want,
                             double floor) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double squares = 0.0;
  for (const double value : want) squares += value * value;
  const double rms = want.empty() ? 0.0 : std::sqrt(squares / static_cast<double>(want.size()));
  double worst = 0.0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(got[i] - want[i]) / (std::abs(want[i]) + rms + floor);
    if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, error);
  }
  return worst;
}

}  // namespace amcl
