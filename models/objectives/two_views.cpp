#include "models/objectives/two_views.h"

#include <algorithm>

#include "engine/backend/backend.h"
#include "models/objectives/chance_level.h"

namespace amcl {

void check_two_views(const char* objective, const Tensor& z) {
  AMCL_CHECK(z.rank() == 3, objective, ": z must be [heads, 2N, d], got ", z.shape());
  AMCL_CHECK(z.dim(1) % 2 == 0 && z.dim(1) >= 4, objective,
             ": needs two views of N >= 2 images (there are no negatives otherwise), got ",
             z.dim(1), " rows");
}

TwoViews pair_two_views(const Tensor& z) {
  const int64_t rows = z.dim(1);
  Tensor positive = Tensor::empty(z.device(), {rows}, DType::i32);
  backend_of(z).rolled_index(rows / 2, positive);
  const Tensor u = l2_normalize(cast(z, stat_dtype(z.dtype())));
  return {.rows = {.anchors = u, .candidates = u}, .positive = positive};
}

double two_view_chance_level(const PairLossSpec& spec, int64_t heads, int64_t images) {
  // Of hard and topk: all similarities tie, so the kappa lowest indices are selected. Among them is
  // the positive of row i >= N, the candidate i - N, if i - N < kappa, and that of row i < N, the
  // candidate i + N (number i + N - 1 without the row itself), if i + N - 1 < kappa.
  const int64_t negatives = 2 * images - 2;
  const int64_t kappa = std::min(selected_count(spec), negatives + 1);
  const int64_t selected =
      std::min(kappa, images) + std::clamp<int64_t>(kappa - images + 1, 0, images);
  return tied_chance_level(spec, heads, negatives,
                           static_cast<double>(selected) / static_cast<double>(2 * images * kappa));
}

}  // namespace amcl
