// SimSiam (Chen, He, "Exploring simple Siamese representation learning", CVPR 2021; spec S2.3), one
// loss per head, summed over heads.
//
//   p1, p2    [C, N, d]  predictions of the two views
//   z1, z2    [C, N, d]  projections of the two views, constant
//   per_head  [C]        between -1 and 1; total = their sum
//
//   loss_c = 1/N sum_i ( -1/2 cos(p1_i, z2_i) - 1/2 cos(p2_i, z1_i) )
#include "models/objectives/simsiam.h"

#include "engine/ops/ops.h"

namespace amcl {
namespace {

// cos of aligned rows [C, N]; the target is a constant.
Tensor cosines(const Tensor& prediction, const Tensor& target) {
  const DType type = stat_dtype(prediction.dtype());
  return row_dot(l2_normalize(cast(prediction, type)),
                 l2_normalize(tape::detach(cast(target, type))));
}

}  // namespace

void check_simsiam_shapes(const char* objective, const Tensor& p1, const Tensor& z1,
                          const Tensor& p2, const Tensor& z2) {
  AMCL_CHECK(p1.rank() == 3 && p1.dim(1) >= 1, objective,
             ": predictions must be [heads, N, d] with N >= 1, got ", p1.shape());
  AMCL_CHECK(p2.shape() == p1.shape() && z1.shape() == p1.shape() && z2.shape() == p1.shape(),
             objective, ": predictions and projections of both views must be ", p1.shape(),
             ", got p2 ", p2.shape(), ", z1 ", z1.shape(), " and z2 ", z2.shape());
}

Loss simsiam(const Tensor& p1, const Tensor& z1, const Tensor& p2, const Tensor& z2) {
  check_simsiam_shapes("simsiam", p1, z1, p2, z2);
  const Tensor both = add(cosines(p1, z2), cosines(p2, z1));  // [C, N]
  const Tensor per_head = scale(mean_rows(both), -0.5);
  return sum_over_heads(per_head);
}

}  // namespace amcl
