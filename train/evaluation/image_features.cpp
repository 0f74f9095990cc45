#include "train/evaluation/image_features.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/views/evaluation_batches.h"

namespace amcl {

// The last, smaller batch included.
Tensor image_rows(const Forward& forward, int64_t width, Backend& backend, const Dataset& dataset,
                  std::span<const int64_t> images, int64_t at_once) {
  at_once = std::min(at_once, embedded_at_once(dataset));
  const auto count = static_cast<int64_t>(images.size());
  Tensor rows = Tensor::empty(backend, {count, width}, DType::f32);
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const int64_t end = std::min(begin + at_once, count);
    const Tensor part = forward(evaluation_batch(
        backend, dataset,
        images.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
    AMCL_CHECK(part.dtype() == DType::f32 && part.count() == (end - begin) * width,
               "embed: needs f32 [", end - begin, ", ", width, "], got ", part.dtype(), ' ',
               part.shape());
    backend.copy(rows.slice(begin, end).raw(), part.raw(), part.bytes());
  }
  return rows;
}

Tensor image_features(const Forward& forward, int64_t width, Backend& backend,
                      const Dataset& dataset, std::span<const int64_t> images, int64_t at_once) {
  Tensor rows = image_rows(forward, width, backend, dataset, images, at_once);
  Tensor squares = Tensor::empty(backend, {1}, DType::f32);
  backend.sum_of_squares(rows, squares);
  if (!std::isfinite(squares.item()))
    fail(ErrorKind::numeric, "the features of ", dataset.name,
         " are not finite: the training of this model has failed");
  return rows;
}

std::vector<int64_t> all_images(const Dataset& dataset) {
  std::vector<int64_t> images(static_cast<size_t>(dataset.count()));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

}  // namespace amcl
