#include "data/evaluation_batches.h"

#include <vector>

#include "data/augment_policy.h"
#include "engine/core/parallel_for.h"

namespace amcl {

Tensor evaluation_batch(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end) {
  AMCL_CHECK(0 <= begin && begin < end && end <= dataset.count(), "evaluation: images ", begin,
             " to ", end, " of ", dataset.count());
  const int64_t height = dataset.images.dim(1);
  const int64_t width = dataset.images.dim(2);
  std::vector<ViewParameters> views;
  for (int64_t image = begin; image < end; ++image)
    views.push_back(identity_view(image, height, width));
  Tensor result = Tensor::empty(backend, {end - begin, height, width, 3}, DType::f32);
  parallel_for(end - begin, /*grain=*/16, [&](int64_t first, int64_t last) {
    Tensor part = result.slice(first, last);
    backend.augment(
        dataset.images,
        std::span(views).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)),
        dataset.normalization, part);
  });
  return result;
}

}  // namespace amcl
