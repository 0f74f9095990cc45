// Rows of [..., d]: normalisation, products, the softmax family; and columns to unit variance.
// Sums over a row run in f64 from the first element to the last.
#include <algorithm>
#include <cmath>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kElementGrain = 8192;  // elements that are worth a thread

int64_t row_grain(int64_t elements_of_row) {
  return std::max<int64_t>(1, kElementGrain / elements_of_row);
}

// Calls body(row) for each row of x.
template <class Body>
void for_each_row(const Tensor& x, Body&& body) {
  parallel_for(x.shape().rows(), row_grain(x.shape().back()), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

template <class T>
double dot(const T* a, const T* b, int64_t n) {
  double sum = 0.0;
  for (int64_t j = 0; j < n; ++j) sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return sum;
}

// Shifted by the maximum: exp overflows f32 at 89 (spec S1.2).
template <class T>
double log_sum_exp_of(const T* x, int64_t n) {
  const double shift = static_cast<double>(*std::max_element(x, x + n));
  double sum = 0.0;
  for (int64_t j = 0; j < n; ++j) sum += std::exp(static_cast<double>(x[j]) - shift);
  return shift + std::log(sum);
}

}  // namespace

void PlainBackend::l2_normalize(const Tensor& x, double epsilon, Tensor& u, Tensor& norm) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t d = x.shape().back();
    const T* in = x.data<T>();
    T* out = u.data<T>();
    T* norms = norm.data<T>();
    for_each_row(x, [=](int64_t row) {
      const T* xr = in + row * d;
      T* ur = out + row * d;
      const T length = static_cast<T>(std::sqrt(dot(xr, xr, d)));
      norms[row] = length;
      if (static_cast<double>(length) <= epsilon) {
        std::fill(ur, ur + d, T(0));
      } else {
        for (int64_t j = 0; j < d; ++j) ur[j] = xr[j] / length;
      }
    });
  });
}

void PlainBackend::l2_normalize_backward(const Tensor& u, const Tensor& norm, double epsilon,
                                         const Tensor& du, Tensor& dx) {
  dispatch_floating(u.dtype(), [&]<class T>(T) {
    const int64_t d = u.shape().back();
    const T* unit = u.data<T>();
    const T* norms = norm.data<T>();
    const T* upstream = du.data<T>();
    T* out = dx.data<T>();
    for_each_row(u, [=](int64_t row) {
      const T* ur = unit + row * d;
      const T* dur = upstream + row * d;
      T* dxr = out + row * d;
      if (static_cast<double>(norms[row]) <= epsilon) {
        std::fill(dxr, dxr + d, T(0));
        return;
      }
      const T along = static_cast<T>(dot(ur, dur, d));
      for (int64_t j = 0; j < d; ++j) dxr[j] = (dur[j] - ur[j] * along) / norms[row];
    });
  });
}

void PlainBackend::row_dot(const Tensor& a, const Tensor& b, Tensor& y) {
  dispatch_floating(a.dtype(), [&]<class T>(T) {
    const int64_t d = a.shape().back();
    const T* left = a.data<T>();
    const T* right = b.data<T>();
    T* out = y.data<T>();
    for_each_row(a, [=](int64_t row) {
      out[row] = static_cast<T>(dot(left + row * d, right + row * d, d));
    });
  });
}

void PlainBackend::log_sum_exp(const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    const T* in = x.data<T>();
    T* out = y.data<T>();
    for_each_row(x,
                 [=](int64_t row) { out[row] = static_cast<T>(log_sum_exp_of(in + row * n, n)); });
  });
}

void PlainBackend::log_sum_exp_backward(const Tensor& x, const Tensor& y, const Tensor& dy,
                                        Tensor& dx) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    const T* in = x.data<T>();
    const T* lse = y.data<T>();
    const T* upstream = dy.data<T>();
    T* out = dx.data<T>();
    for_each_row(x, [=](int64_t row) {
      for (int64_t j = row * n; j < (row + 1) * n; ++j)
        out[j] = upstream[row] * std::exp(in[j] - lse[row]);
    });
  });
}

void PlainBackend::log_softmax(const Tensor& x, Tensor& y) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    const T* in = x.data<T>();
    T* out = y.data<T>();
    for_each_row(x, [=](int64_t row) {
      const double lse = log_sum_exp_of(in + row * n, n);
      for (int64_t j = row * n; j < (row + 1) * n; ++j)
        out[j] = static_cast<T>(static_cast<double>(in[j]) - lse);
    });
  });
}

void PlainBackend::log_softmax_backward(const Tensor& y, const Tensor& dy, Tensor& dx) {
  dispatch_floating(y.dtype(), [&]<class T>(T) {
    const int64_t n = y.shape().back();
    const T* log_p = y.data<T>();
    const T* upstream = dy.data<T>();
    T* out = dx.data<T>();
    for_each_row(y, [=](int64_t row) {
      double total = 0.0;
      for (int64_t j = row * n; j < (row + 1) * n; ++j) total += static_cast<double>(upstream[j]);
      for (int64_t j = row * n; j < (row + 1) * n; ++j)
        out[j] = upstream[j] - std::exp(log_p[j]) * static_cast<T>(total);
    });
  });
}

void PlainBackend::cross_entropy(const Tensor& x, const Tensor& target, Tensor& loss) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    const T* in = x.data<T>();
    const int32_t* targets = target.data<int32_t>();
    T* out = loss.data<T>();
    for_each_row(x, [=](int64_t row) {
      const T* xr = in + row * n;
      out[row] = static_cast<T>(log_sum_exp_of(xr, n) - static_cast<double>(xr[targets[row]]));
    });
  });
}

void PlainBackend::cross_entropy_backward(const Tensor& x, const Tensor& target,
                                          const Tensor& dloss, Tensor& dx) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.shape().back();
    const T* in = x.data<T>();
    const int32_t* targets = target.data<int32_t>();
    const T* upstream = dloss.data<T>();
    T* out = dx.data<T>();
    for_each_row(x, [=](int64_t row) {
      const T* xr = in + row * n;
      T* dxr = out + row * n;
      const double lse = log_sum_exp_of(xr, n);
      for (int64_t j = 0; j < n; ++j) {
        const double p = std::exp(static_cast<double>(xr[j]) - lse);
        dxr[j] = upstream[row] * static_cast<T>(j == targets[row] ? p - 1.0 : p);
      }
    });
  });
}

void PlainBackend::standardize_columns(const Tensor& x, int64_t ddof, double epsilon, Tensor& xs,
                                       Tensor& rstd) {
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.dim(1);
    const int64_t d = x.dim(2);
    const T* in = x.data<T>();
    T* out = xs.data<T>();
    T* scales = rstd.data<T>();
    parallel_for(x.dim(0) * d, row_grain(n), [=](int64_t begin, int64_t end) {
      for (int64_t column = begin; column < end; ++column) {
        const int64_t first = column / d * n * d + column % d;
        const int64_t last = first + n * d;
        double sum = 0.0;
        for (int64_t at = first; at < last; at += d) sum += static_cast<double>(in[at]);
        const double mean = sum / static_cast<double>(n);
        double squares = 0.0;
        for (int64_t at = first; at < last; at += d)
          squares += std::pow(static_cast<double>(in[at]) - mean, 2);
        const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n - ddof) + epsilon);
        scales[column] = static_cast<T>(scale);
        for (int64_t at = first; at < last; at += d)
          out[at] = static_cast<T>((static_cast<double>(in[at]) - mean) * scale);
      }
    });
  });
}

// dx = rstd (dxs - mean(dxs) - xs sum(dxs xs) / (N - ddof))                           (spec S2.4)
void PlainBackend::standardize_columns_backward(const Tensor& xs, const Tensor& rstd, int64_t ddof,
                                                const Tensor& dxs, Tensor& dx) {
  dispatch_floating(xs.dtype(), [&]<class T>(T) {
    const int64_t n = xs.dim(1);
    const int64_t d = xs.dim(2);
    const T* standardized = xs.data<T>();
    const T* scales = rstd.data<T>();
    const T* upstream = dxs.data<T>();
    T* out = dx.data<T>();
    parallel_for(xs.dim(0) * d, row_grain(n), [=](int64_t begin, int64_t end) {
      for (int64_t column = begin; column < end; ++column) {
        const int64_t first = column / d * n * d + column % d;
        const int64_t last = first + n * d;
        double sum = 0.0;
        double along = 0.0;
        for (int64_t at = first; at < last; at += d) {
          sum += static_cast<double>(upstream[at]);
          along += static_cast<double>(upstream[at]) * static_cast<double>(standardized[at]);
        }
        const T mean = static_cast<T>(sum / static_cast<double>(n));
        const T factor = static_cast<T>(along / static_cast<double>(n - ddof));
        for (int64_t at = first; at < last; at += d)
          out[at] = scales[column] * (upstream[at] - mean - standardized[at] * factor);
      }
    });
  });
}

}  // namespace amcl
