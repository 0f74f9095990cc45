#include "engine/optimizer/schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

namespace amcl {
namespace {

TEST_CASE("schedule: the warm-up rises in equal steps to the peak") {
  const Schedule schedule{.peak = 0.3, .floor = 0.001, .warmup = 5, .total = 25};
  for (int64_t step = 0; step < 5; ++step)
    CHECK(schedule.rate(step) == doctest::Approx(0.06 * static_cast<double>(step + 1)));
  CHECK(schedule.rate(5) == doctest::Approx(0.3));
}

TEST_CASE("schedule: after the warm-up half a cosine falls to the floor") {
  const Schedule schedule{.peak = 1.0, .floor = 0.2, .warmup = 10, .total = 110};
  CHECK(schedule.rate(10) == doctest::Approx(1.0));
  CHECK(schedule.rate(35) == doctest::Approx(0.2 + 0.4 * (1.0 + std::numbers::sqrt2 / 2)));
  CHECK(schedule.rate(60) == doctest::Approx(0.6));
  CHECK(schedule.rate(110) == doctest::Approx(0.2));
  for (int64_t step = 11; step < 110; ++step) CHECK(schedule.rate(step) < schedule.rate(step - 1));
}

TEST_CASE("schedule: without warm-up the first step has the peak") {
  const Schedule schedule{.peak = 0.06, .total = 20};
  CHECK(schedule.rate(0) == doctest::Approx(0.06));
  CHECK(schedule.rate(19) ==
        doctest::Approx(0.03 * (1.0 + std::cos(std::numbers::pi * 19.0 / 20.0))));
}

TEST_CASE("schedule: constant stays at the peak once it is warm") {
  const Schedule schedule{.peak = 0.3, .warmup = 2, .total = 10, .shape = ScheduleShape::constant};
  CHECK(schedule.rate(0) == doctest::Approx(0.15));
  for (int64_t step = 1; step < 10; ++step) CHECK(schedule.rate(step) == doctest::Approx(0.3));
}

TEST_CASE("schedule: the rate falls by gamma at each milestone") {
  const Schedule schedule{.peak = 0.3,
                          .total = 30,
                          .shape = ScheduleShape::steps,
                          .milestones = {10, 20},
                          .gamma = 0.1};
  CHECK(schedule.rate(9) == doctest::Approx(0.3));
  CHECK(schedule.rate(10) == doctest::Approx(0.03));
  CHECK(schedule.rate(19) == doctest::Approx(0.03));
  CHECK(schedule.rate(20) == doctest::Approx(0.003));
}

TEST_CASE("schedule: a run of warm-up alone stays finite") {
  const Schedule schedule{.peak = 0.1, .warmup = 4, .total = 4};
  CHECK(schedule.rate(3) == doctest::Approx(0.1));
  CHECK(std::isfinite(schedule.rate(4)));
}

}  // namespace
}  // namespace amcl
