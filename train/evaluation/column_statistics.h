// Mean and deviation of each feature over a set of rows.
#pragma once
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

struct ColumnStatistics {
  std::vector<double> mean;
  std::vector<double> inverse_deviation;  // 0 for a feature that does not vary
};

// Of x [n, D], n >= 1, with divisor n.
ColumnStatistics column_statistics(const Tensor& x);

// (x - mean) / deviation, for x [n, D] f32 of these or other rows.
Tensor standardize(const Tensor& x, const ColumnStatistics& statistics);

}  // namespace amcl
