#include "train/embed.h"

#include <algorithm>
#include <cmath>

#include "data/evaluation_batches.h"

namespace amcl {
namespace {

constexpr int64_t kBatch = 256;  // images

// Rows [n, width] made by embed(images [b, H, W, 3]) batch by batch, the last, smaller one included.
template <class Embed>
Tensor embed_all(Backend& backend, const Dataset& dataset, int64_t width, const Embed& embed) {
  Tensor rows = Tensor::empty(backend, {dataset.count(), width}, DType::f32);
  for (int64_t begin = 0; begin < dataset.count(); begin += kBatch) {
    const int64_t end = std::min(begin + kBatch, dataset.count());
    const Tensor part = embed(evaluation_batch(backend, dataset, begin, end));
    AMCL_CHECK(part.dtype() == DType::f32 && part.count() == (end - begin) * width,
               "embed: needs f32 [", end - begin, ", ", width, "], got ", part.dtype(), ' ',
               part.shape());
    backend.copy(rows.slice(begin, end).raw(), part.raw(), part.bytes());
  }
  return rows;
}

}  // namespace

Tensor backbone_features(Method& method, Backend& backend, const Dataset& dataset) {
  const ForwardContext context{.phase = Phase::eval, .update_running_statistics = false};
  Tensor rows = embed_all(backend, dataset, method.feature_dim(),
                          [&](const Tensor& images) { return method.features(images, context); });
  Tensor squares = Tensor::empty(backend, {1}, DType::f32);
  backend.sum_of_squares(rows, squares);
  if (!std::isfinite(squares.item()))
    fail(ErrorKind::numeric, "the features of ", dataset.name,
         " are not finite: the training of this model has failed");
  return rows;
}

Tensor pixel_features(Backend& backend, const Dataset& dataset) {
  const int64_t width = dataset.images.count() / std::max<int64_t>(dataset.count(), 1);
  return embed_all(backend, dataset, width, [](const Tensor& images) { return images; });
}

}  // namespace amcl
