#include "data/held_out.h"

#include <algorithm>

#include "engine/core/check.h"

namespace amcl {
namespace {

// Rows of images u8 [n, H, W, 3].
Tensor take_rows(Device& device, const Tensor& images, const std::vector<int64_t>& rows) {
  const std::vector<uint8_t> all = images.to_host<uint8_t>();
  const int64_t bytes = images.bytes() / images.dim(0);
  std::vector<uint8_t> taken;
  taken.reserve(rows.size() * static_cast<size_t>(bytes));
  for (const int64_t row : rows)
    taken.insert(taken.end(), all.begin() + row * bytes, all.begin() + (row + 1) * bytes);
  return Tensor::from_host<uint8_t>(
      device, Shape{std::ssize(rows), images.dim(1), images.dim(2), images.dim(3)}, taken);
}

}  // namespace

void fail_empty_side(const std::string& source, Split split, double fraction) {
  fail(ErrorKind::missing, source, ": no ", name_of(split), " images are left by --val-fraction ",
       fraction, "; choose another share");
}

Dataset take_side(Device& device, Dataset training, Split split, double fraction, int64_t limit) {
  std::vector<int64_t> indices;
  std::vector<int32_t> labels;
  for (int64_t index = 0; index < training.count(); ++index) {
    if (!on_side_of(split, training.image_name(index), fraction)) continue;
    indices.push_back(index);
    if (training.labelled()) labels.push_back(training.labels[static_cast<size_t>(index)]);
    if (limit > 0 && std::ssize(indices) == limit) break;
  }
  if (indices.empty()) fail_empty_side(training.name, split, fraction);
  training.labels = std::move(labels);
  if (training.files)
    training.files = std::make_shared<SelectedFiles>(training.files, std::move(indices));
  else
    training.images = take_rows(device, training.images, indices);
  return training;
}

}  // namespace amcl
