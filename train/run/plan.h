// What a run will take, before it starts: `pretrain --dry-run`.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/config/config.h"

namespace amcl {

struct Plan {
  int64_t parameters = 0;
  int64_t steps_per_epoch = 0;
  int64_t steps = 0;
  int64_t warmup_steps = 0;
  double peak_rate = 0.0;     // learning rate after the warm-up
  double chance_level = 0.0;  // loss, nats

  // Bytes.
  int64_t parameter_bytes = 0;
  int64_t gradient_bytes = 0;
  int64_t optimizer_bytes = 0;
  int64_t buffer_bytes = 0;  // running statistics; MoCo's momentum encoder and queue
  int64_t dataset_bytes = 0;
  int64_t step_bytes = 0;        // activations and their gradients, pair matrices, kernels' scratch
  int64_t evaluation_bytes = 0;  // images and features of the online evaluation
  int64_t loader_bytes = 0;      // batches made ahead, or view parameters
  int64_t checkpoint_bytes = 0;  // the copy of values and optimiser that is being written
  int64_t program_bytes = 0;     // code, libraries and what else is resident now
  int64_t pinned_bytes = 0;      // of the host, for uploads
  // The device has a memory of its own; the last three lie in the host's.
  bool apart = false;
  int64_t host_bytes() const { return checkpoint_bytes + program_bytes + pinned_bytes; }
  // Of the device, in whole blocks of its allocator. On the host less becomes resident, as nothing
  // touches the ends of these: a sixth of a block for 1,100 pairs, none for 1,024.
  int64_t peak_bytes() const {
    return parameter_bytes + gradient_bytes + optimizer_bytes + buffer_bytes + dataset_bytes +
           step_bytes + evaluation_bytes + loader_bytes + (apart ? 0 : host_bytes());
  }
  // Of it without the program: what a run that begins takes.
  int64_t run_bytes() const { return peak_bytes() - (apart ? 0 : program_bytes); }

  // step_bytes was measured on steps of these many pairs and extrapolated to `batch`; measured
  // alone, if that is measured_large.
  int64_t measured_small = 0;
  int64_t measured_large = 0;
  int64_t batch = 0;

  std::string dataset_placement;  // where the data set lives
};

// Counts the memory of `backend`, whether it holds the data set or not
// (data/views/dataset_placement.h): runs steps on backends of their own with small batches of blank
// images of the set's extents, and extrapolates the memory that they took. `test`: the set of the
// online evaluation, or null. Throws what the run would for settings that cannot be.
Plan make_plan(Backend& backend, const Dataset& dataset, const Config& config,
               const Dataset* test = nullptr);

// For people, several lines.
std::string describe(const Plan& plan);

}  // namespace amcl
