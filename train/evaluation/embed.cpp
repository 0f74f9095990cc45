#include "train/evaluation/embed.h"

#include <algorithm>

#include "data/sources/dataset_options.h"
#include "train/evaluation/image_features.h"

namespace amcl {
namespace {

// Larger images go through in smaller parts.
constexpr int64_t kPixelsAtOnce = kEmbeddedAtOnce * kFileViewSize * kFileViewSize;

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
  return image_features(
      [&](const Tensor& batch) {
        between();
        return method.features(batch, context);
      },
      method.feature_dim(), backend, dataset, images, at_once);
}

Tensor pixel_features(Backend& backend, const Dataset& dataset) {
  const ImageExtent view = dataset.view_extent();
  return image_rows([](const Tensor& batch) { return batch; }, view.height * view.width * 3,
                    backend, dataset, all_images(dataset), kEmbeddedAtOnce);
}

}  // namespace amcl
