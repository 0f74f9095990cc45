#include "data/sources/select_images.h"

#include <algorithm>

namespace amcl {
namespace {

// Rows of images u8 [n, H, W, 3].
Tensor take_rows(const Tensor& images, const std::vector<int64_t>& rows) {
  const std::vector<uint8_t> all = images.to_host<uint8_t>();
  const auto bytes = static_cast<int64_t>(images.bytes()) / images.dim(0);
  std::vector<uint8_t> taken;
  taken.reserve(rows.size() * static_cast<size_t>(bytes));
  for (const int64_t row : rows)
    taken.insert(taken.end(), all.begin() + row * bytes, all.begin() + (row + 1) * bytes);
  return Tensor::from_host<uint8_t>(images.device(), images.shape().with(0, std::ssize(rows)),
                                    taken);
}

}  // namespace

void select_images(Dataset& dataset, std::vector<int64_t> indices) {
  if (dataset.labelled()) {
    std::vector<int32_t> labels;
    for (const int64_t index : indices)
      labels.push_back(dataset.labels[static_cast<size_t>(index)]);
    dataset.labels = std::move(labels);
  }
  if (dataset.in_memory()) dataset.images = take_rows(dataset.images, indices);
  if (dataset.files)
    dataset.files = std::make_shared<SelectedFiles>(dataset.files, std::move(indices));
}

}  // namespace amcl
