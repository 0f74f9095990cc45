#include "data/views/view_maker.h"

#include <algorithm>
#include <cmath>

namespace amcl {

ViewMaker::ViewMaker(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
                     uint64_t seed)
    : backend_(backend),
      dataset_(dataset),
      policy_(policy),
      seed_(seed),
      reader_(backend, dataset) {}

std::vector<int64_t> ViewMaker::make(uint32_t epoch, std::span<const int64_t> samples,
                                     std::span<Tensor> rows) {
  std::vector<int64_t> bad;
  if (dataset_.in_memory()) {
    make_of_memory(epoch, samples, rows);
    return bad;
  }
  for (int64_t row = 0; row < std::ssize(samples); ++row)
    if (!make_of_file(epoch, samples[static_cast<size_t>(row)], row, rows)) bad.push_back(row);
  return bad;
}

void ViewMaker::make_of_memory(uint32_t epoch, std::span<const int64_t> samples,
                               std::span<Tensor> rows) {
  const int64_t height = dataset_.images.dim(1);
  const int64_t width = dataset_.images.dim(2);
  for (uint32_t view = 0; view < rows.size(); ++view) {
    views_.clear();
    for (const int64_t sample : samples)
      views_.push_back(policy_.draw(seed_, epoch, sample, view, height, width));
    backend_.augment(dataset_.images, views_, dataset_.normalization, rows[view]);
  }
}

bool ViewMaker::make_of_file(uint32_t epoch, int64_t sample, int64_t row, std::span<Tensor> rows) {
  const bool good = reader_.read(sample, [&](ImageExtent extent) {
    views_.clear();
    for (uint32_t view = 0; view < rows.size(); ++view)
      views_.push_back(policy_.draw(seed_, epoch, sample, view, extent.height, extent.width));
    return request_for(views_, dataset_.view_extent(), dataset_.reduce_decoding);
  });
  if (!good) return false;
  for (size_t view = 0; view < rows.size(); ++view) {
    const ViewParameters moved = moved_to(views_[view], reader_.box(), reader_.reduction());
    Tensor out = rows[view].slice(row, row + 1);
    backend_.augment(reader_.pixels(), {&moved, 1}, dataset_.normalization, out);
  }
  return true;
}

ImageRequest request_for(std::span<const ViewParameters> views, ImageExtent view, bool reduce) {
  int64_t bottom = 0;
  int64_t right = 0;
  ImageRequest request;
  request.box.top = views.front().top;
  request.box.left = views.front().left;
  int64_t surplus = 8;  // how many times each crop is as large as the view
  for (const ViewParameters& crop : views) {
    request.box.top = std::min<int64_t>(request.box.top, crop.top);
    request.box.left = std::min<int64_t>(request.box.left, crop.left);
    bottom = std::max<int64_t>(bottom, crop.top + crop.height);
    right = std::max<int64_t>(right, crop.left + crop.width);
    surplus = std::min({surplus, crop.height / view.height, crop.width / view.width});
  }
  request.box.height = bottom - request.box.top;
  request.box.width = right - request.box.left;
  if (reduce)
    while (request.reduction * 2 <= surplus) request.reduction *= 2;
  return request;
}

ViewParameters moved_to(const ViewParameters& view, const ImageBox& box, int64_t reduction) {
  // Begin and end of a side, rounded to pixels of the reduced image.
  const auto place = [&](int64_t begin, int64_t length, int64_t box_begin, int64_t box_length,
                         int32_t& moved_begin, int32_t& moved_length) {
    const auto round = [&](int64_t value) { return (value + reduction / 2) / reduction; };
    const int64_t first = std::clamp<int64_t>(round(begin) - box_begin, 0, box_length - 1);
    const int64_t last =
        std::clamp<int64_t>(round(begin + length) - box_begin, first + 1, box_length);
    moved_begin = static_cast<int32_t>(first);
    moved_length = static_cast<int32_t>(last - first);
  };
  ViewParameters moved = view;
  moved.image = 0;
  place(view.top, view.height, box.top, box.height, moved.top, moved.height);
  place(view.left, view.width, box.left, box.width, moved.left, moved.width);
  return moved;
}

}  // namespace amcl
