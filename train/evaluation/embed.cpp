#include "train/evaluation/embed.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "data/sources/dataset_options.h"
#include "data/views/evaluation_batches.h"

namespace amcl {
namespace {

// Larger images go through in smaller parts.
constexpr int64_t kPixelsAtOnce = kEmbeddedAtOnce * kFileViewSize * kFileViewSize;

// Rows [n, width] made by embed(images [at_once, H, W, 3]) of the images named, batch by batch, the
// last, smaller one included.
template <class Embed>
Tensor embed_all(Backend& backend, const Dataset& dataset, std::span<const int64_t> images,
                 int64_t width, int64_t at_once, const Embed& embed) {
  at_once = std::min(at_once, embedded_at_once(dataset));
  const auto count = static_cast<int64_t>(images.size());
  Tensor rows = Tensor::empty(backend, {count, width}, DType::f32);
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const int64_t end = std::min(begin + at_once, count);
    const Tensor part = embed(evaluation_batch(
        backend, dataset,
        images.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
    AMCL_CHECK(part.dtype() == DType::f32 && part.count() == (end - begin) * width,
               "embed: needs f32 [", end - begin, ", ", width, "], got ", part.dtype(), ' ',
               part.shape());
    backend.copy(rows.slice(begin, end).raw(), part.raw(), part.bytes());
  }
  return rows;
}

std::vector<int64_t> all_images(const Dataset& dataset) {
  std::vector<int64_t> images(static_cast<size_t>(dataset.count()));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

}  // namespace

int64_t embedded_at_once(const Dataset& dataset) {
  const ImageExtent view = dataset.view_extent();
  return std::clamp<int64_t>(kPixelsAtOnce / (view.height * view.width), 1, kEmbeddedAtOnce);
}

Tensor backbone_features(Method& method, Backend& backend, const Dataset& dataset, int64_t at_once,
                         const BetweenBatches& between) {
  return backbone_features(method, backend, dataset, all_images(dataset), at_once, between);
}

Tensor backbone_features(Method& method, Backend& backend, const Dataset& dataset,
                         std::span<const int64_t> images, int64_t at_once,
                         const BetweenBatches& between) {
  const ForwardContext context{.phase = Phase::eval, .update_running_statistics = false};
  Tensor rows =
      embed_all(backend, dataset, images, method.feature_dim(), at_once, [&](const Tensor& batch) {
        between();
        return method.features(batch, context);
      });
  Tensor squares = Tensor::empty(backend, {1}, DType::f32);
  backend.sum_of_squares(rows, squares);
  if (!std::isfinite(squares.item()))
    fail(ErrorKind::numeric, "the features of ", dataset.name,
         " are not finite: the training of this model has failed");
  return rows;
}

Tensor pixel_features(Backend& backend, const Dataset& dataset) {
  const ImageExtent view = dataset.view_extent();
  return embed_all(backend, dataset, all_images(dataset), view.height * view.width * 3,
                   kEmbeddedAtOnce, [](const Tensor& batch) { return batch; });
}

}  // namespace amcl
