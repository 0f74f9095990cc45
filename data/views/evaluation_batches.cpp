#include "data/views/evaluation_batches.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "data/image_reader.h"
#include "data/views/augment_policy.h"
#include "data/views/dataset_placement.h"
#include "data/views/pixel_bytes.h"
#include "data/views/preprocessing.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// The centre of image u8 [1, H, W, 3], resized; to `y` u8 [1, size, size, 3].
void resize_and_crop(Backend& backend, const Tensor& image, const Preprocessing& preprocessing,
                     Tensor& y) {
  const ViewParameters view = evaluation_view(0, image.dim(1), image.dim(2),
                                              {.size = y.dim(1),
                                               .resize = preprocessing.resize,
                                               .interpolation = preprocessing.interpolation});
  Tensor values = Tensor::empty(backend, y.shape(), DType::f32);
  backend.augment(image, {&view, 1}, {}, values);
  const std::vector<uint8_t> pixels = pixel_bytes(values);
  backend.copy_from_host(y.raw(), pixels.data(), pixels.size());
}

std::vector<int64_t> range(const Dataset& dataset, int64_t begin, int64_t end) {
  AMCL_CHECK(0 <= begin && begin < end && end <= dataset.count(), "evaluation: images ", begin,
             " to ", end, " of ", dataset.count());
  std::vector<int64_t> images(static_cast<size_t>(end - begin));
  std::iota(images.begin(), images.end(), begin);
  return images;
}

}  // namespace

Tensor evaluation_pixels(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end) {
  return evaluation_pixels(backend, dataset, range(dataset, begin, end));
}

Tensor evaluation_pixels(Backend& backend, const Dataset& dataset,
                         std::span<const int64_t> images) {
  for (const int64_t image : images)
    AMCL_CHECK(0 <= image && image < dataset.count(), "evaluation: image ", image, " of ",
               dataset.count());
  if (Backend& maker = maker_of_views(dataset, backend); &maker != &backend)
    return upload_to(backend, evaluation_pixels(maker, dataset, images));
  const Preprocessing preprocessing = preprocessing_of(dataset);
  const ImageExtent view = preprocessing.view;
  const bool as_they_are =
      view == dataset.image_extent() && preprocessing.resize == std::min(view.height, view.width);
  const auto count = static_cast<int64_t>(images.size());
  Tensor result = Tensor::empty(backend, {count, view.height, view.width, 3}, DType::u8);
  parallel_for(count, /*grain=*/as_they_are ? 64 : 1, [&](int64_t first, int64_t last) {
    ImageReader reader(backend, dataset);
    for (int64_t row = first; row < last; ++row) {
      const int64_t image = images[static_cast<size_t>(row)];
      Tensor pixels = result.slice(row, row + 1);
      if (!dataset.in_memory() && !reader.read(image, whole_image))
        fail(ErrorKind::data, dataset.files->place(image), ": cannot be read");
      const Tensor whole =
          dataset.in_memory() ? dataset.images.slice(image, image + 1) : reader.pixels();
      if (as_they_are && whole.shape() == pixels.shape())
        backend.copy(pixels.raw(), whole.raw(), pixels.bytes());
      else
        resize_and_crop(backend, whole, preprocessing, pixels);
    }
  });
  return result;
}

Tensor evaluation_batch(Backend& backend, const Dataset& dataset, std::span<const int64_t> images) {
  const Tensor pixels = evaluation_pixels(backend, dataset, images);
  const auto count = static_cast<int64_t>(images.size());
  std::vector<ViewParameters> views;
  for (int64_t row = 0; row < count; ++row)
    views.push_back(identity_view(row, pixels.dim(1), pixels.dim(2)));
  Tensor result = Tensor::empty(backend, pixels.shape(), DType::f32);
  parallel_for(count, /*grain=*/16, [&](int64_t first, int64_t last) {
    Tensor part = result.slice(first, last);
    backend.augment(
        pixels,
        std::span(views).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)),
        dataset.normalization, part);
  });
  return result;
}

Tensor evaluation_batch(Backend& backend, const Dataset& dataset, int64_t begin, int64_t end) {
  return evaluation_batch(backend, dataset, range(dataset, begin, end));
}

}  // namespace amcl
