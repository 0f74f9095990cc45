// Where the views of a training step come from. One class for each place in which a data set can
// live; the loader (data/views/loader.h) chooses.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/views/augment_policy.h"
#include "engine/backend/backend.h"

namespace amcl {

struct LoaderOptions {
  int64_t batch = 128;  // N samples; the last, partial batch of an epoch is dropped
  int64_t views = 2;    // V, of each sample
  int64_t workers = 1;  // threads; 0 augments in the calling thread
  uint64_t seed = 1;
};

// Batches that workers keep made or in the making, besides the one that the step has.
inline constexpr int64_t kBatchesAhead = 2;
// Batches that are being uploaded to a device which does not hold the set.
inline constexpr int64_t kBatchesStaged = 2;
// Batches in pinned memory for such a device: those that workers make and those that are being
// uploaded.
inline constexpr int64_t kBatchesPinned = kBatchesAhead + kBatchesStaged;
// Epochs whose view parameters a device holds if it holds the set: this one and the next.
inline constexpr int64_t kEpochsHeld = 2;
// Epochs of parameters on the host: the step's, the next one, which may be on its way to the
// device, and one being drawn.
inline constexpr int64_t kEpochsDrawn = 3;
// Bytes of the view parameters that a device holds for `views` views of `count` images.
inline int64_t epochs_bytes(int64_t count, int64_t views = 2) {
  return kEpochsHeld * count * views * static_cast<int64_t>(sizeof(ViewParameters));
}

// What every source is made of; `backend`, which trains, and `dataset` outlive it.
struct ViewSetup {
  Backend& backend;
  const Dataset& dataset;
  AugmentPolicy policy;
  LoaderOptions options;

  int64_t steps_per_epoch() const { return dataset.count() / options.batch; }
  // [V N, H, W, 3]: view 1 of the N samples, then view 2, if there are two.
  Shape views_shape() const {
    const ImageExtent view = dataset.view_extent();
    return {options.views * options.batch, view.height, view.width, 3};
  }
};

// A step asks twice, in this order: the host's part may wait for workers and give the device
// copies; the device's part only launches kernels, so that it can be recorded once and replayed at
// each step.
class ViewSource {
 public:
  virtual ~ViewSource() = default;
  // The next step will be `step` of `epoch`.
  virtual void start(int64_t epoch, int64_t step) = 0;
  // The host's part of the next step; gives the N samples, as indices into the data set.
  virtual std::vector<int64_t> prepare() = 0;
  // The device's part of the step prepared last: its views, f32 of views_shape().
  virtual Tensor views() = 0;
  // Whether views() can be recorded: not where each batch has memory of its own.
  virtual bool can_be_recorded() const { return true; }
};

// Made by the workers on a device whose memory is the host's, where they stay.
std::unique_ptr<ViewSource> host_views(const ViewSetup& setup);
// Made by the device, which holds the set, from parameters that the workers draw.
std::unique_ptr<ViewSource> resident_views(const ViewSetup& setup);
// Made by the workers on `maker`, whose memory is the host's, and uploaded.
std::unique_ptr<ViewSource> streamed_views(const ViewSetup& setup, Backend& maker);

}  // namespace amcl
