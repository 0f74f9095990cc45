#include "train/step/micro_batches.h"

#include "engine/ops/ops.h"

namespace amcl {

MicroBatches::MicroBatches(const Tensor& images, int64_t views, int64_t samples)
    : images_(images), batch_(images.dim(0) / views), samples_(samples) {
  AMCL_CHECK(samples >= 1 && images.dim(0) % (views * samples) == 0, "micro_batch: ", samples,
             " do not divide a batch of ", batch_);
}

Tensor MicroBatches::images(int64_t part) const {
  std::vector<Tensor> views;
  for (int64_t view = 0; view < images_.dim(0); view += batch_)
    views.push_back(images_.slice(view + part * samples_, view + (part + 1) * samples_));
  return concat(views, 0);
}

Tensor MicroBatches::rows(const Tensor& whole, int64_t part) const {
  const int64_t begin = part * samples_;
  std::vector<Tensor> views;
  for (int64_t view = 0; view < whole.dim(1); view += batch_)
    views.push_back(slice(whole, 1, view + begin, view + begin + samples_));
  return concat(views, 1);
}

Projections MicroBatches::join(const std::vector<Projections>& parts) const {
  Projections whole;
  for (size_t i = 0; i < parts.front().size(); ++i) {
    std::vector<Tensor> rows;
    for (int64_t view = 0; view < parts.front()[i].dim(1) / samples_; ++view)
      for (const Projections& part : parts)
        rows.push_back(slice(part[i], 1, view * samples_, (view + 1) * samples_));
    whole.push_back(concat(rows, 1));
  }
  return whole;
}

}  // namespace amcl
