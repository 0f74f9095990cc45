// Batches of augmented views, made ahead of the training step by worker threads. What comes out
// depends on the seed, the epoch and the sample only: never on the number of workers.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/augment_policy.h"
#include "data/dataset.h"
#include "engine/backend/backend.h"

namespace amcl {

struct Batch {
  Tensor images;                 // [2N, H, W, 3] f32: view 1 of the N samples, then view 2
  std::vector<int64_t> samples;  // the N indices into the data set
};

struct LoaderOptions {
  int64_t batch = 128;  // N, image pairs; the last, partial batch of an epoch is dropped
  int64_t workers = 1;  // threads; 0 augments in the calling thread
  uint64_t seed = 1;
};

// The batches that workers keep made or in the making, besides the one that next() gave last.
inline constexpr int64_t kBatchesAhead = 2;

class Loader {
 public:
  // `dataset` and `backend` must outlive the loader. Throws Error(usage) if the set has fewer than
  // `batch` images.
  Loader(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
         const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t steps_per_epoch() const;
  // Starts (again) at step `step` of `epoch`; a resumed run begins here.
  void start(int64_t epoch, int64_t step);
  // The next batch; runs on into the following epoch by itself.
  Batch next();
  // Seconds that next() has waited for the workers since the last call of this function.
  double take_wait_seconds();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amcl
