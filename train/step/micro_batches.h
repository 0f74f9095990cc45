// A batch of two views in parts of some images each, and what was computed from them.
#pragma once
#include <cstdint>
#include <vector>

#include "models/methods/method.h"

namespace amcl {

class MicroBatches {
 public:
  // images [2N, H, W, 3]: rows 0..N-1 view 1, rows N..2N-1 view 2. `pairs` must divide N.
  MicroBatches(const Tensor& images, int64_t pairs);

  int64_t count() const { return images_.dim(0) / 2 / pairs_; }
  // Both views of the images of a part, [2 pairs, H, W, 3].
  Tensor images(int64_t part) const;
  // The rows that belong to a part, of a tensor [C, rows, d] with rows for one or both views of the
  // whole batch.
  Tensor rows(const Tensor& whole, int64_t part) const;
  // The projections of the whole batch from those of the parts in their order.
  Projections join(const std::vector<Projections>& parts) const;

 private:
  Tensor images_;
  int64_t pairs_;
};

}  // namespace amcl
