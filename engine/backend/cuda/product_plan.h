// Backend::matmul in the terms of cuBLASLt, which knows column-major matrices only: a row-major c
// [m, n] is a column-major [n, m], so that c = op(a) op(b) becomes c^T = op(b)^T op(a)^T, b first.
// Nothing is transposed or copied. Pure host code, tested by doing what the plan says on the host.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/core/shape.h"

namespace amcl::cuda {

// A column-major matrix as stored (before `transposed` is applied), one per member of the batch.
struct ColumnMajor {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t leading = 0;       // elements from one column to the next
  int64_t batch_stride = 0;  // elements; 0: the batch shares it
  bool transposed = false;   // as the product takes it
  int64_t offset = 0;        // of the first element
};

// c = op(first) op(second) [+ c if accumulate], all column-major, once per member of the batch.
struct ProductCall {
  ColumnMajor first;   // of b
  ColumnMajor second;  // of a
  ColumnMajor result;
  int64_t batches = 1;
  bool accumulate = false;
};

// The calls, in order, that compute the seam's matmul for these shapes: one, except where c
// receives the sum over a batch: one product over the longer inner axis where the rows of the batch
// follow each other in memory, else one call per member, each adding to the one before.
std::vector<ProductCall> plan_product(const Shape& a, const Shape& b, const MatmulSpec& spec,
                                      const Shape& c);

}  // namespace amcl::cuda
