// Rows of x [rows, n]: sums, normalisation, the softmax family. A team of threads takes a row: a
// warp, or a block where rows are few and long; lanes read neighbouring elements.
//
// Bytes: each tensor once from memory; the second and third pass over a row of up to some thousand
// elements find it in the first-level cache. FLOPs: up to an exp and ten more per element. With
// R = 1024 rows of 128 everything is in L2 and the launch, 2 us, is the floor.
//
// Sums run in f64 (a conversion and an addition per element: half of the f32 rate on the GPUs of
// data centres), each lane in the order of its elements, then across lanes in a fixed tree.
#pragma once
#include <cmath>

#include "engine/backend/cuda/kernels/common.cuh"

namespace amcl::cuda {

// body.run<kTeam>(lane, row) for each row; a block is kBlockThreads / kTeam rows.
template <int kTeam, class Body>
__global__ void __launch_bounds__(kBlockThreads) rows_kernel(int64_t rows, Body body) {
  const int64_t row =
      static_cast<int64_t>(blockIdx.x) * (kBlockThreads / kTeam) + threadIdx.x / kTeam;
  if (row >= rows) return;  // the whole team
  body.template run<kTeam>(static_cast<int>(threadIdx.x % kTeam), row);
}

template <int kTeam, class Term>
__device__ double sum_over_row(int lane, int64_t n, Term term) {
  double sum = 0.0;
  for (int64_t j = lane; j < n; j += kTeam) sum += static_cast<double>(term(j));
  return team_sum<kTeam>(sum);
}

// log sum exp over a row, shifted by its maximum (spec S1.2).
template <int kTeam, class T>
__device__ double log_sum_exp_of_row(int lane, const T* x, int64_t n) {
  T greatest = x[0];
  for (int64_t j = lane; j < n; j += kTeam) greatest = x[j] > greatest ? x[j] : greatest;
  greatest = team_reduce<kTeam>(greatest, Greater{});
  const double sum =
      sum_over_row<kTeam>(lane, n, [=](int64_t j) { return std::exp(x[j] - greatest); });
  return static_cast<double>(greatest) + std::log(sum);
}

template <class T>
struct RowSum {
  const T* x;
  int64_t n;
  double divisor;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* xr = x + row * n;
    const double sum = sum_over_row<kTeam>(lane, n, [=](int64_t j) { return widen(xr[j]); });
    if (lane == 0) y[row] = narrow_to<T>(sum / divisor);
  }
};

// y[row, j] = factor x[row]
template <class T>
struct RowBroadcast {
  const T* x;
  Wide<T> factor;
  int64_t n;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T value = narrow_to<T>(factor * widen(x[row]));
    for (int64_t j = lane; j < n; j += kTeam) y[row * n + j] = value;
  }
};

// y[row, j] = s[row] x[row, j]
template <class T>
struct RowScale {
  const T* x;
  const T* s;
  int64_t n;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const Wide<T> factor = widen(s[row]);
    for (int64_t j = row * n + lane; j < (row + 1) * n; j += kTeam)
      y[j] = narrow_to<T>(factor * widen(x[j]));
  }
};

template <class T>
struct L2Normalize {
  const T* x;
  int64_t n;
  double epsilon;
  T* u;
  T* norm;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* xr = x + row * n;
    const auto length = static_cast<T>(std::sqrt(sum_over_row<kTeam>(lane, n, [=](int64_t j) {
      return static_cast<double>(xr[j]) * static_cast<double>(xr[j]);
    })));
    if (lane == 0) norm[row] = length;
    const bool zero = static_cast<double>(length) <= epsilon;
    for (int64_t j = lane; j < n; j += kTeam) u[row * n + j] = zero ? T(0) : xr[j] / length;
  }
};

template <class T>
struct L2NormalizeBackward {
  const T* u;
  const T* norm;
  const T* du;
  int64_t n;
  double epsilon;
  T* dx;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* ur = u + row * n;
    const T* dur = du + row * n;
    const auto along = static_cast<T>(sum_over_row<kTeam>(lane, n, [=](int64_t j) {
      return static_cast<double>(ur[j]) * static_cast<double>(dur[j]);
    }));
    const T length = norm[row];
    const bool zero = static_cast<double>(length) <= epsilon;
    for (int64_t j = lane; j < n; j += kTeam)
      dx[row * n + j] = zero ? T(0) : (dur[j] - ur[j] * along) / length;
  }
};

template <class T>
struct RowDot {
  const T* a;
  const T* b;
  int64_t n;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* ar = a + row * n;
    const T* br = b + row * n;
    const double sum = sum_over_row<kTeam>(lane, n, [=](int64_t j) {
      return static_cast<double>(ar[j]) * static_cast<double>(br[j]);
    });
    if (lane == 0) y[row] = static_cast<T>(sum);
  }
};

template <class T>
struct LogSumExp {
  const T* x;
  int64_t n;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const double lse = log_sum_exp_of_row<kTeam>(lane, x + row * n, n);
    if (lane == 0) y[row] = static_cast<T>(lse);
  }
};

template <class T>
struct LogSumExpBackward {
  const T* x;
  const T* y;
  const T* dy;
  int64_t n;
  T* dx;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    for (int64_t j = row * n + lane; j < (row + 1) * n; j += kTeam)
      dx[j] = dy[row] * std::exp(x[j] - y[row]);
  }
};

template <class T>
struct LogSoftmax {
  const T* x;
  int64_t n;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const double lse = log_sum_exp_of_row<kTeam>(lane, x + row * n, n);
    for (int64_t j = row * n + lane; j < (row + 1) * n; j += kTeam)
      y[j] = static_cast<T>(static_cast<double>(x[j]) - lse);
  }
};

template <class T>
struct LogSoftmaxBackward {
  const T* y;
  const T* dy;
  int64_t n;
  T* dx;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* dyr = dy + row * n;
    const auto total =
        static_cast<T>(sum_over_row<kTeam>(lane, n, [=](int64_t j) { return dyr[j]; }));
    for (int64_t j = lane; j < n; j += kTeam)
      dx[row * n + j] = dyr[j] - std::exp(y[row * n + j]) * total;
  }
};

// cross_entropy of one row and its target.
template <class T>
struct CrossEntropy {
  const T* x;
  const int32_t* target;
  int64_t n;
  T* loss;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* xr = x + row * n;
    const double lse = log_sum_exp_of_row<kTeam>(lane, xr, n);
    if (lane == 0) loss[row] = static_cast<T>(lse - static_cast<double>(xr[target[row]]));
  }
};

template <class T>
struct CrossEntropyBackward {
  const T* x;
  const int32_t* target;
  const T* dloss;
  int64_t n;
  T* dx;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* xr = x + row * n;
    const double lse = log_sum_exp_of_row<kTeam>(lane, xr, n);
    for (int64_t j = lane; j < n; j += kTeam) {
      const double p = std::exp(static_cast<double>(xr[j]) - lse);
      dx[row * n + j] = dloss[row] * static_cast<T>(j == target[row] ? p - 1.0 : p);
    }
  }
};

// sum_of_squares, first stage: one row of the tensor cut into rows of n; the last may be shorter.
template <class T>
struct SquaresOfPart {
  const T* x;
  int64_t n;
  int64_t count;
  double* partial;

  template <int kTeam>
  __device__ void run(int lane, int64_t row) const {
    const T* xr = x + row * n;
    const int64_t left = count - row * n;
    const double sum = sum_over_row<kTeam>(lane, left < n ? left : n, [=](int64_t j) {
      const auto value = static_cast<double>(widen(xr[j]));
      return value * value;
    });
    if (lane == 0) partial[row] = sum;
  }
};

// Its second stage: the only row is that of the partial sums.
template <class T>
struct SumOfParts {
  const double* partial;
  int64_t parts;
  T* y;

  template <int kTeam>
  __device__ void run(int lane, int64_t) const {
    const double* values = partial;
    const double sum = sum_over_row<kTeam>(lane, parts, [=](int64_t j) { return values[j]; });
    if (lane == 0) *y = narrow_to<T>(sum);
  }
};

}  // namespace amcl::cuda
