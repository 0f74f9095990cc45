// The learning rate of each step: a linear warm-up, then constant, half a cosine down to `floor`
// (Loshchilov, Hutter, "SGDR", ICLR 2017, without restarts), or steps down at milestones.
//
//   step < warmup:  peak (step + 1) / warmup
//   constant:       peak
//   cosine:         floor + (peak - floor) / 2 (1 + cos(pi t)),
//                   t = (step - warmup) / max(1, total - warmup)
//   steps:          peak gamma^(number of milestones that are <= step)
#pragma once
#include <cstdint>
#include <vector>

namespace amcl {

enum class ScheduleShape { constant, cosine, steps };

struct Schedule {
  double peak = 0.0;
  double floor = 0.0;
  int64_t warmup = 0;  // steps
  int64_t total = 0;   // steps
  ScheduleShape shape = ScheduleShape::cosine;
  std::vector<int64_t> milestones = {};  // steps, ascending
  double gamma = 0.1;

  double rate(int64_t step) const;  // step counts from 0
};

}  // namespace amcl
