#include "train/step/micro_batches.h"

#include "engine/ops/ops.h"

namespace amcl {

MicroBatches::MicroBatches(const Tensor& images, int64_t pairs) : images_(images), pairs_(pairs) {
  AMCL_CHECK(pairs >= 1 && images.dim(0) % (2 * pairs) == 0, "micro_batch: ", pairs,
             " pairs do not divide a batch of ", images.dim(0) / 2);
}

Tensor MicroBatches::images(int64_t part) const {
  const int64_t half = images_.dim(0) / 2;
  const int64_t begin = part * pairs_;
  const std::vector views = {images_.slice(begin, begin + pairs_),
                             images_.slice(half + begin, half + begin + pairs_)};
  return concat(views, 0);
}

Tensor MicroBatches::rows(const Tensor& whole, int64_t part) const {
  const int64_t batch = images_.dim(0) / 2;
  const int64_t begin = part * pairs_;
  std::vector<Tensor> views;
  for (int64_t view = 0; view < whole.dim(1) / batch; ++view)
    views.push_back(slice(whole, 1, view * batch + begin, view * batch + begin + pairs_));
  return concat(views, 1);
}

Projections MicroBatches::join(const std::vector<Projections>& parts) const {
  Projections whole;
  for (size_t i = 0; i < parts.front().size(); ++i) {
    std::vector<Tensor> rows;
    for (int64_t view = 0; view < parts.front()[i].dim(1) / pairs_; ++view)
      for (const Projections& part : parts)
        rows.push_back(slice(part[i], 1, view * pairs_, (view + 1) * pairs_));
    whole.push_back(concat(rows, 1));
  }
  return whole;
}

}  // namespace amcl
