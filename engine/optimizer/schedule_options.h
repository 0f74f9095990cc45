// The learning rate of a run in epochs, before the number of its steps is known.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/setting.h"
#include "engine/optimizer/schedule.h"

namespace amcl {

// In the order of ScheduleShape.
inline constexpr const char* kScheduleNames[] = {"constant", "cosine", "step"};
// Error(usage) for a name that is none of them.
ScheduleShape schedule_named(const std::string& name);

struct ScheduleOptions {
  double lr = 0.06;                // peak, for lr_reference_batch pairs
  int64_t lr_reference_batch = 0;  // 0: for any batch
  ScheduleShape shape = ScheduleShape::cosine;
  double warmup_epochs = 0.0;
  int64_t warmup_steps = 0;             // instead
  double floor = 0.0;                   // of the cosine: share of the peak
  std::vector<double> milestones = {};  // of steps: epochs, ascending
  double gamma = 0.1;                   // of steps

  // The rate after the warm-up: lr, or lr x batch / lr_reference_batch. No other rule scales it.
  double peak(int64_t batch) const;
  // Throws Error(usage) if the warm-up is longer than the run.
  Schedule of_run(int64_t batch, int64_t epochs, int64_t steps_per_epoch) const;
  void visit_settings(const SettingVisitor& visitor);
};

}  // namespace amcl
