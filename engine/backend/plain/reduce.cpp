// Reductions over rows and columns, and the broadcasts that are their gradients. Sums are taken in
// f64, in the order of the elements.
#include <vector>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {

void PlainBackend::reduce_rows(Reduction op, const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t rows = y.count();
    const int64_t columns = x.count() / rows;
    const T* xs = x.data<T>();
    T* ys = y.data<T>();
    parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        double sum = 0.0;
        for (int64_t j = 0; j < columns; ++j) sum += xs[row * columns + j];
        ys[row] = static_cast<T>(sum / divisor(op, columns));
      }
    });
  });
}

void PlainBackend::reduce_columns(Reduction op, const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t blocks = y.rank() == 2 ? y.dim(0) : 1;
    const int64_t columns = y.shape().back();
    const int64_t rows = x.count() / y.count();  // of each block
    const T* xs = x.data<T>();
    T* ys = y.data<T>();
    std::vector<double> sums(static_cast<size_t>(columns));
    for (int64_t block = 0; block < blocks; ++block) {
      sums.assign(sums.size(), 0.0);
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t j = 0; j < columns; ++j)
          sums[static_cast<size_t>(j)] += xs[(block * rows + row) * columns + j];
      for (int64_t j = 0; j < columns; ++j)
        ys[block * columns + j] = static_cast<T>(sums[static_cast<size_t>(j)] / divisor(op, rows));
    }
  });
}

void PlainBackend::broadcast_rows(const Tensor& x, double scale, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t rows = x.count();
    const int64_t columns = y.count() / rows;
    const T* xs = x.data<T>();
    T* ys = y.data<T>();
    const auto factor = static_cast<T>(scale);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < columns; ++j) ys[row * columns + j] = factor * xs[row];
  });
}

void PlainBackend::scale_rows(const Tensor& x, const Tensor& s, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t rows = s.count();
    const int64_t columns = x.count() / rows;
    const T* xs = x.data<T>();
    const T* factors = s.data<T>();
    T* ys = y.data<T>();
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < columns; ++j)
        ys[row * columns + j] = factors[row] * xs[row * columns + j];
  });
}

void PlainBackend::sum_of_squares(const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const T* xs = x.data<T>();
    double sum = 0.0;
    for (int64_t i = 0; i < x.count(); ++i) sum += static_cast<double>(xs[i]) * xs[i];
    *y.data<T>() = static_cast<T>(sum);
  });
}

}  // namespace amcl
