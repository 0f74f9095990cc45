// Matrix products, batched, with either side shared by the batch; sums in f64.
#include <algorithm>
#include <vector>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Element (row, column) of op(x) in batch b is x[b * batch + row * row_stride + column *
// column_stride].
struct Side {
  int64_t batch;  // 0 if shared
  int64_t row_stride;
  int64_t column_stride;

  Side(const Shape& shape, bool transposed)
      : batch(shape.rank() == 3 ? shape[1] * shape[2] : 0),
        row_stride(transposed ? 1 : shape.back()),
        column_stride(transposed ? shape.back() : 1) {}
};

}  // namespace

void PlainBackend::matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) {
  const Side left(a.shape(), spec.trans_a);
  const Side right(b.shape(), spec.trans_b);
  const int64_t batches = a.rank() == 3 ? a.dim(0) : b.rank() == 3 ? b.dim(0) : 1;
  const int64_t m = c.dim(-2);
  const int64_t n = c.dim(-1);
  const int64_t k = spec.trans_a ? a.dim(-2) : a.dim(-1);
  // A c without the batch axis receives the sum over the batch.
  const int64_t summed = c.rank() == 3 ? 1 : batches;

  dispatch_floating(c.dtype(), [&]<class T>(T) {
    const T* as = a.data<T>();
    const T* bs = b.data<T>();
    T* cs = c.data<T>();
    parallel_for(c.count() / std::max<int64_t>(n, 1), 1, [&](int64_t begin, int64_t end) {
      std::vector<double> sums(static_cast<size_t>(n));
      for (int64_t row = begin; row < end; ++row) {
        const int64_t i = row % m;
        sums.assign(sums.size(), 0.0);
        for (int64_t batch = row / m; batch < row / m + summed; ++batch)
          for (int64_t p = 0; p < k; ++p) {
            const double a_ip =
                as[batch * left.batch + i * left.row_stride + p * left.column_stride];
            const T* b_p = bs + batch * right.batch + p * right.row_stride;
            for (int64_t j = 0; j < n; ++j)
              sums[static_cast<size_t>(j)] += a_ip * b_p[j * right.column_stride];
          }
        for (int64_t j = 0; j < n; ++j)
          cs[row * n + j] = static_cast<T>(sums[static_cast<size_t>(j)]);
      }
    });
  });
}

}  // namespace amcl
