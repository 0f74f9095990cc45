#include "train/evaluation/column_statistics.h"

#include <algorithm>
#include <cmath>

#include "engine/core/device.h"

namespace amcl {
namespace {

constexpr int64_t kRowsAtOnce = 1024;  // on the host
// A variance below this share of the squared mean is the rounding of a constant.
constexpr double kLeastRelativeVariance = 1e-12;

// Calls body(values, columns, first row) for x in pieces on the host.
template <class T, class Body>
void for_each_piece(const Tensor& x, const Body& body) {
  for (int64_t begin = 0; begin < x.dim(0); begin += kRowsAtOnce) {
    const int64_t end = std::min(begin + kRowsAtOnce, x.dim(0));
    body(x.slice(begin, end).to_host<T>(), begin, end);
  }
}

}  // namespace

ColumnStatistics column_statistics(const Tensor& x) {
  AMCL_CHECK(x.rank() == 2 && x.dim(0) >= 1, "column statistics: needs rows [n, D], got ",
             x.shape());
  const auto columns = static_cast<size_t>(x.dim(1));
  const auto rows = static_cast<double>(x.dim(0));
  std::vector<double> mean(columns);
  for_each_piece<double>(x, [&](const std::vector<double>& values, int64_t, int64_t) {
    for (size_t i = 0; i < values.size(); ++i) mean[i % columns] += values[i] / rows;
  });
  std::vector<double> variance(columns);
  for_each_piece<double>(x, [&](const std::vector<double>& values, int64_t, int64_t) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double difference = values[i] - mean[i % columns];
      variance[i % columns] += difference * difference / rows;
    }
  });
  ColumnStatistics result{.mean = mean, .inverse_deviation = std::vector<double>(columns)};
  for (size_t j = 0; j < columns; ++j)
    if (variance[j] > kLeastRelativeVariance * mean[j] * mean[j])
      result.inverse_deviation[j] = 1.0 / std::sqrt(variance[j]);
  return result;
}

Tensor standardize(const Tensor& x, const ColumnStatistics& statistics) {
  const size_t columns = statistics.mean.size();
  AMCL_CHECK(x.rank() == 2 && static_cast<size_t>(x.dim(1)) == columns && x.dtype() == DType::f32,
             "standardize: needs f32 [n, ", columns, "], got ", x.dtype(), ' ', x.shape());
  Tensor result = Tensor::empty_like(x);
  for_each_piece<float>(x, [&](std::vector<float> values, int64_t begin, int64_t end) {
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t column = i % columns;
      values[i] = static_cast<float>((values[i] - statistics.mean[column]) *
                                     statistics.inverse_deviation[column]);
    }
    Tensor piece = result.slice(begin, end);
    x.device().copy_from_host(piece.raw(), values.data(), piece.bytes());
  });
  return result;
}

}  // namespace amcl
