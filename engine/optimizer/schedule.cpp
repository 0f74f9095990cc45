#include "engine/optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace amcl {

double Schedule::rate(int64_t step) const {
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  switch (shape) {
    case ScheduleShape::constant:
      return peak;
    case ScheduleShape::steps: {
      const auto passed = std::upper_bound(milestones.begin(), milestones.end(), step);
      return peak * std::pow(gamma, static_cast<double>(passed - milestones.begin()));
    }
    case ScheduleShape::cosine:
      break;
  }
  const double progress = static_cast<double>(step - warmup) /
                          static_cast<double>(std::max<int64_t>(1, total - warmup));
  return floor + 0.5 * (peak - floor) * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace amcl
