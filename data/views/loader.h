// Batches of augmented views, made ahead of the training step by worker threads. What comes out
// depends on the seed, the epoch and the sample only: never on the number of workers, nor on where
// the data set lives.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/views/view_source.h"

namespace amcl {

struct Batch {
  Tensor images;                 // [V N, H, W, 3] f32: view 1 of the N samples, then view 2
  std::vector<int64_t> samples;  // the N indices into the data set
};

class Loader {
 public:
  // `dataset` and `backend` must outlive the loader. Throws Error(usage) if the set has fewer than
  // `batch` images.
  Loader(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
         const LoaderOptions& options);

  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  // Starts (again) at step `step` of `epoch`; a resumed run begins here.
  void start(int64_t epoch, int64_t step);

  // A step takes its batch in two parts and runs on into the following epoch by itself. The host's
  // part waits for workers and gives the device its copies; it returns the samples.
  std::vector<int64_t> prepare();
  // The device's part, once for each prepare(): Batch::images. It only launches kernels and reads
  // nothing on the host that differs between steps, so that a recording of it makes the views of
  // the step prepared last. The images may be overwritten by the next prepare().
  Tensor views() { return source_->views(); }
  bool can_be_recorded() const { return source_->can_be_recorded(); }
  // Both.
  Batch next();

  // Seconds that prepare() has waited for the workers since the last call of this function.
  double take_wait_seconds();

 private:
  int64_t steps_per_epoch_;
  double wait_seconds_ = 0.0;
  std::unique_ptr<ViewSource> source_;
};

}  // namespace amcl
