#include "engine/backend/cuda/product_plan.h"

namespace amcl::cuda {
namespace {

// A row-major [.., rows, columns] as the column-major [columns, rows] that it is in memory.
ColumnMajor seen_column_major(const Shape& shape, bool transposed) {
  const int64_t rows = shape[-2];
  const int64_t columns = shape[-1];
  return {.rows = columns,
          .columns = rows,
          .leading = columns,
          .batch_stride = shape.rank() == 3 ? rows * columns : 0,
          .transposed = transposed};
}

// [B, rows, columns] as [B rows, columns].
Shape with_batch_in_rows(const Shape& shape) {
  return {shape[0] * shape[1], shape[2]};
}

ProductCall single_product(const Shape& a, const Shape& b, const MatmulSpec& spec, const Shape& c) {
  return {.first = seen_column_major(b, spec.trans_b),
          .second = seen_column_major(a, spec.trans_a),
          .result = seen_column_major(c, false)};
}

}  // namespace

std::vector<ProductCall> plan_product(const Shape& a, const Shape& b, const MatmulSpec& spec,
                                      const Shape& c) {
  const bool batched = a.rank() == 3 || b.rank() == 3;
  ProductCall call = single_product(a, b, spec, c);
  if (!batched) return {call};
  const int64_t batches = a.rank() == 3 ? a[0] : b[0];
  if (c.rank() == 3) {
    call.batches = batches;
    return {call};
  }
  // The inner axis is the rows of both: sum over batch and rows at once.
  if (a.rank() == 3 && b.rank() == 3 && spec.trans_a && !spec.trans_b)
    return {single_product(with_batch_in_rows(a), with_batch_in_rows(b), spec, c)};
  std::vector<ProductCall> calls;
  for (int64_t batch = 0; batch < batches; ++batch) {
    ProductCall member = call;
    member.first.offset = batch * call.first.batch_stride;
    member.second.offset = batch * call.second.batch_stride;
    member.first.batch_stride = member.second.batch_stride = 0;
    member.accumulate = batch > 0;
    calls.push_back(member);
  }
  return calls;
}

}  // namespace amcl::cuda
