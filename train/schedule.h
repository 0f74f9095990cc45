// The learning rate of each step: a linear warm-up, then half a cosine down to `floor`
// (Loshchilov, Hutter, "SGDR", ICLR 2017, without restarts).
//
//   step < warmup:  peak (step + 1) / warmup
//   else:           floor + (peak - floor) / 2 (1 + cos(pi t)),
//                   t = (step - warmup) / max(1, total - warmup)
#pragma once
#include <cstdint>

namespace amcl {

struct Schedule {
  double peak = 0.0;
  double floor = 0.0;
  int64_t warmup = 0;  // steps
  int64_t total = 0;   // steps

  double rate(int64_t step) const;  // step counts from 0
};

}  // namespace amcl
