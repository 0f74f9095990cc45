#include "data/evaluation_batches.h"

#include <numeric>
#include <vector>

#include "data/augment_policy.h"
#include "engine/core/parallel_for.h"

namespace amcl {

Tensor augmented_batch(Backend& backend, const Dataset& dataset,
                       std::span<const ViewParameters> views) {
  const auto count = static_cast<int64_t>(views.size());
  Tensor result =
      Tensor::empty(backend, {count, dataset.images.dim(1), dataset.images.dim(2), 3}, DType::f32);
  parallel_for(count, /*grain=*/16, [&](int64_t first, int64_t last) {
    Tensor part = result.slice(first, last);
    backend.augment(dataset.images,
                    views.subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)),
                    dataset.normalization, part);
  });
  return result;
}

Tensor evaluation_batch(Backend& backend, const Dataset& dataset, std::span<const int64_t> images) {
  std::vector<ViewParameters> views;
  for (const int64_t image : images) {
    AMCL_CHECK(0 <= image && image < dataset.count(), "evaluation: image ", image, " of ",
               dataset.count());
    views.push_back(identity_view(image, dataset.images.dim(1), dataset.images.dim(2)));
  }
  return augmented_batch(backend, dataset, views);
}

Tensor evaluation_batch(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end) {
  AMCL_CHECK(0 <= begin && begin < end && end <= dataset.count(), "evaluation: images ", begin,
             " to ", end, " of ", dataset.count());
  std::vector<int64_t> images(static_cast<size_t>(end - begin));
  std::iota(images.begin(), images.end(), begin);
  return evaluation_batch(backend, dataset, images);
}

}  // namespace amcl
