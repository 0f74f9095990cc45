#include "engine/optimizer/schedule_options.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "engine/core/check.h"

namespace amcl {

ScheduleShape schedule_named(const std::string& name) {
  const auto* found = std::find(std::begin(kScheduleNames), std::end(kScheduleNames), name);
  AMCL_CHECK(found != std::end(kScheduleNames), "schedule: '", name,
             "' is not known; choose one of constant, cosine, step");
  return static_cast<ScheduleShape>(found - std::begin(kScheduleNames));
}

double ScheduleOptions::peak(int64_t batch) const {
  if (lr_reference_batch == 0) return lr;
  return lr * static_cast<double>(batch) / static_cast<double>(lr_reference_batch);
}

Schedule ScheduleOptions::of_run(int64_t batch, int64_t epochs, int64_t steps_per_epoch) const {
  const auto steps = [&](double in_epochs) {
    return std::llround(in_epochs * static_cast<double>(steps_per_epoch));
  };
  Schedule schedule{.peak = peak(batch),
                    .warmup = warmup_steps > 0 ? warmup_steps : steps(warmup_epochs),
                    .total = epochs * steps_per_epoch,
                    .shape = shape,
                    .gamma = gamma};
  AMCL_CHECK(schedule.warmup <= schedule.total || schedule.total == 0,
             "warmup_steps: ", schedule.warmup, " is more than the ", schedule.total,
             " steps of the run");
  if (shape == ScheduleShape::cosine) schedule.floor = floor * schedule.peak;
  for (const double milestone : milestones) schedule.milestones.push_back(steps(milestone));
  return schedule;
}

void ScheduleOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "optimizer",
           .key = "lr",
           .value = "X",
           .help = "peak learning rate; scaled by nothing but --lr-reference-batch",
           .range = {.low = 0}},
          &lr);
  visitor({.table = "optimizer",
           .key = "lr_reference_batch",
           .value = "N",
           .unit = "image pairs",
           .help = "lr is meant for N pairs: the peak is lr x batch / N; 0: it is lr",
           .range = {.low = 0}},
          &lr_reference_batch);
  visitor({.table = "optimizer",
           .key = "schedule",
           .value = "NAME",
           .help = "of the learning rate after the warm-up",
           .complaint =
               [this] {
                 return shape != ScheduleShape::steps || !milestones.empty()
                            ? ""
                            : "needs --milestones, the epochs after which the rate falls, such as "
                              "60,80";
               }},
          Choice(shape, kScheduleNames));
  visitor({.table = "optimizer",
           .key = "warmup_epochs",
           .value = "X",
           .unit = "epochs",
           .help = "the rate rises linearly from 0, step by step",
           .range = {.low = 0}},
          &warmup_epochs);
  visitor({.table = "optimizer",
           .key = "warmup_steps",
           .value = "N",
           .unit = "steps",
           .help = "the same, in steps instead of epochs",
           .range = {.low = 0},
           .complaint = [this]() -> std::string {
             if (warmup_steps == 0 || warmup_epochs == 0.0) return {};
             return concat_text("cannot stand beside --warmup-epochs ", warmup_epochs,
                                "; set that one to 0, or leave this one out");
           }},
          &warmup_steps);
  if (shape == ScheduleShape::cosine)
    visitor({.table = "optimizer",
             .key = "lr_floor",
             .value = "X",
             .unit = "share of the peak",
             .help = "where the cosine ends",
             .range = {.low = 0, .high = 1}},
            &floor);
  if (shape == ScheduleShape::steps) {
    visitor({.table = "optimizer",
             .key = "milestones",
             .value = "A,B,...",
             .unit = "epochs",
             .help = "after which the rate is multiplied by gamma",
             .range = {.low = 0, .above_low = true},
             .complaint =
                 [this] {
                   return std::adjacent_find(milestones.begin(), milestones.end(),
                                             std::greater_equal<>()) == milestones.end()
                              ? ""
                              : "must ascend";
                 }},
            &milestones);
    visitor({.table = "optimizer",
             .key = "gamma",
             .value = "X",
             .help = "factor at each milestone",
             .range = {.low = 0, .high = 1, .above_low = true}},
            &gamma);
  }
}

}  // namespace amcl
