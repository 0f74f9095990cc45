#include "models/objectives/compared_pairs.h"

#include <algorithm>
#include <vector>

#include "engine/ops/ops.h"

namespace amcl {
namespace {

// Unit rows of the first `images` of each view.
Tensor first_rows(const Tensor& z, int64_t views, int64_t images) {
  const int64_t rows = z.dim(1) / views;
  std::vector<Tensor> parts;
  for (int64_t view = 0; view < views; ++view)
    parts.push_back(slice(z, 1, view * rows, view * rows + images));
  return l2_normalize(cast(concat(parts, 1), stat_dtype(z.dtype())));
}

}  // namespace

ComparedPairs compare_rows(const Tensor& anchors, const Tensor& candidates, int64_t views,
                           int64_t most, TemperatureNet* nullable_net,
                           const TemperatureRange& range) {
  AMCL_CHECK(views >= 1 && most >= views && anchors.rank() == 3 && anchors.dim(1) % views == 0 &&
                 candidates.shape() == anchors.shape(),
             "compared pairs: anchors ", anchors.shape(), " and candidates ", candidates.shape(),
             " are no ", views, " views");
  const NoTapeScope no_tape;
  const int64_t images = std::min(anchors.dim(1), most) / views;
  const Tensor u = first_rows(anchors, views, images);
  const Tensor v = anchors.same_block(candidates) ? u : first_rows(candidates, views, images);
  ComparedPairs pairs{.similarity = matmul(u, v, {.trans_b = true}),
                      .nullable_temperature = {},
                      .range = range,
                      .shift = views == 1 ? 0 : images};
  if (nullable_net != nullptr)
    pairs.nullable_temperature = temperature(nullable_net->scores(u, v), range);
  return pairs;
}

}  // namespace amcl
