// Batches of views in the order of training, made by worker threads on a device whose memory is the
// host's. A batch is a function of seed, epoch and samples, never of the number of workers.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "data/views/view_source.h"
#include "data/views/work_ahead.h"

namespace amcl {

struct MadeBatch {
  int64_t number = 0;             // epoch * steps per epoch + step
  std::vector<int64_t> samples;   // the N indices into the data set
  Tensor images;                  // ViewSetup::views_shape() f32
  std::vector<uint8_t> bad;       // of each sample: whether its image cannot be read
  std::atomic<int64_t> left = 0;  // samples that are not made yet

  int64_t parts() const { return std::ssize(samples); }
};

class MadeBatches {
 public:
  // `maker` computes the views, `memory` gives the images of batch `number`, to be written. The
  // setup must outlive the batches.
  MadeBatches(const ViewSetup& setup, Backend& maker, int64_t ahead,
              std::function<Tensor(int64_t number)> memory);

  void start(int64_t number) { work_.start(number); }
  // As those of WorkAhead.
  std::shared_ptr<MadeBatch> take() { return work_.take(); }
  std::shared_ptr<MadeBatch> take_if_ready() { return work_.take_if_ready(); }

 private:
  std::shared_ptr<MadeBatch> plan(int64_t number);

  const ViewSetup& setup_;
  const std::function<Tensor(int64_t)> memory_;
  int64_t epoch_ = -1;          // of order_
  std::vector<int64_t> order_;  // in which the epoch visits the images
  WorkAhead<MadeBatch> work_;   // last: its threads use the others
};

}  // namespace amcl
