#pragma once
#include <array>
#include <cstdint>

namespace amcl {

// A probability in view 1 and one in view 2; one number stands for both. BYOL and Barlow Twins blur
// and solarize their views unequally.
struct ViewProbability {
  constexpr ViewProbability(double both) : of{both, both} {}  // NOLINT: a number is one
  constexpr ViewProbability(double first, double second) : of{first, second} {}
  // view: 0 or 1
  double operator[](uint32_t view) const { return of[view]; }
  bool operator==(const ViewProbability&) const = default;

  std::array<double, 2> of;
};

}  // namespace amcl
