// A batch of views in parts of some images each, and what was computed from them.
#pragma once
#include <cstdint>
#include <vector>

#include "models/methods/method.h"

namespace amcl {

class MicroBatches {
 public:
  // images [V N, H, W, 3], view after view of V = `views`. `samples`, of a part, must divide N.
  MicroBatches(const Tensor& images, int64_t views, int64_t samples);

  int64_t count() const { return batch_ / samples_; }
  // All views of the images of a part, [V samples, H, W, 3].
  Tensor images(int64_t part) const;
  // The rows that belong to a part, of a tensor [C, rows, d] with rows for one or more views of
  // the whole batch.
  Tensor rows(const Tensor& whole, int64_t part) const;
  // The projections of the whole batch from those of the parts in their order.
  Projections join(const std::vector<Projections>& parts) const;

 private:
  Tensor images_;
  int64_t batch_;  // N
  int64_t samples_;
};

}  // namespace amcl
