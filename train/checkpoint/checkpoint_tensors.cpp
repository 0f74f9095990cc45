#include "train/checkpoint/checkpoint_tensors.h"

#include <algorithm>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int kFilterRank = 4;

// Calls body(place in OIHW, place in [K, R, S, C]) for every element of a filter of shape OIHW.
template <class Body>
void for_each_filter_element(std::span<const int64_t> oihw, const Body& body) {
  const int64_t channels = oihw[1];
  const int64_t window = oihw[2] * oihw[3];
  for (int64_t k = 0; k < oihw[0]; ++k)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t place = 0; place < window; ++place)
        body(static_cast<size_t>((k * channels + c) * window + place),
             static_cast<size_t>((k * window + place) * channels + c));
}

std::vector<int64_t> vector_of(std::span<const int64_t> extents) {
  return {extents.begin(), extents.end()};
}

}  // namespace

std::vector<StoredTensor> stored_tensors(const std::string& name, const Shape& shape,
                                         bool stacked) {
  if (!stacked) {
    StoredTensor whole{.name = name, .shape = vector_of(shape.extents()), .end = shape.count()};
    whole.filter = shape.rank() == kFilterRank;
    if (whole.filter) whole.shape = {shape[0], shape[3], shape[1], shape[2]};
    return {whole};
  }
  const size_t star = name.find('*');
  AMCL_CHECK(star != std::string::npos && shape.rank() >= 1, "checkpoint: ", name, " ", shape,
             " stacks heads, so its name needs a '*' for the number of the head");
  std::vector<StoredTensor> heads;
  const int64_t count = shape[0] == 0 ? 0 : shape.count() / shape[0];
  for (int64_t head = 0; head < shape[0]; ++head) {
    std::string name_of_head = name;
    name_of_head.replace(star, 1, std::to_string(head));
    heads.push_back({.name = std::move(name_of_head),
                     .shape = vector_of(shape.extents().subspan(1)),
                     .begin = head * count,
                     .end = (head + 1) * count});
  }
  return heads;
}

std::string extents_text(const std::vector<int64_t>& extents) {
  std::string text = "[";
  for (const int64_t extent : extents)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ']';
}

SafetensorsEntry store(const StoredTensor& stored, std::span<const float> values) {
  const std::span<const float> own = values.subspan(static_cast<size_t>(stored.begin),
                                                    static_cast<size_t>(stored.end - stored.begin));
  std::vector<float> ordered(own.begin(), own.end());
  if (stored.filter)
    for_each_filter_element(stored.shape,
                            [&](size_t oihw, size_t krsc) { ordered[oihw] = own[krsc]; });
  return SafetensorsEntry::from(stored.shape, ordered);
}

void restore(const StoredTensor& stored, const SafetensorsEntry& entry, std::span<float> values) {
  const std::span<float> own = values.subspan(static_cast<size_t>(stored.begin),
                                              static_cast<size_t>(stored.end - stored.begin));
  const std::vector<float> ordered = entry.values<float>();
  if (stored.filter)
    for_each_filter_element(stored.shape,
                            [&](size_t oihw, size_t krsc) { own[krsc] = ordered[oihw]; });
  else
    std::copy(ordered.begin(), ordered.end(), own.begin());
}

}  // namespace amcl
