// Columns of x [C, N, d] to zero mean and unit variance (spec S2.4), as bodies of the column
// kernels. Bytes: x for the statistics, x and xs in the second pass; memory is the floor.
#pragma once
#include <cmath>

#include "engine/backend/cuda/kernels/columns.cuh"

namespace amcl::cuda {

// rstd from the biased variance.
template <class T>
struct ReciprocalDeviation {
  T unbias;
  T epsilon;
  __device__ T operator()(T variance) const {
    return T(1) / std::sqrt(variance * unbias + epsilon);
  }
};

template <class T>
struct Standardize {
  const T* x;
  const T* mean;
  const T* rstd;
  int64_t columns;
  T* xs;

  template <int V>
  struct Columns {
    const T* x;
    T* xs;
    Pack<T, V> mean;
    Pack<T, V> rstd;
    __device__ void operator()(int64_t offset) const {
      auto pack = load_pack<V>(x + offset);
      for (int v = 0; v < V; ++v)
        pack.values[v] = (pack.values[v] - mean.values[v]) * rstd.values[v];
      store_pack<V>(xs + offset, pack);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t column) const {
    const int64_t statistic = group * columns + column;
    return {x, xs, load_pack<V>(mean + statistic), load_pack<V>(rstd + statistic)};
  }
};

// Sums of dxs and dxs xs.
template <class T>
struct StandardizeSums {
  using Sum = T;
  static constexpr int kSums = 2;
  const T* xs;
  const T* dxs;

  template <int V>
  struct Columns {
    const T* xs;
    const T* dxs;
    __device__ void operator()(int64_t offset, Sum (&sums)[kSums][V]) const {
      const auto x = load_pack<V>(xs + offset);
      const auto d = load_pack<V>(dxs + offset);
      for (int v = 0; v < V; ++v) {
        sums[0][v] += d.values[v];
        sums[1][v] += d.values[v] * x.values[v];
      }
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t, int64_t) const {
    return {xs, dxs};
  }
};

// dx = rstd (dxs - sum / N - xs along / (N - ddof))
template <class T>
struct StandardizeBackward {
  const T* xs;
  const T* dxs;
  const T* rstd;
  const T* sum;
  const T* along;
  int64_t columns;
  T inverse_rows;
  T inverse_freedom;
  T* dx;

  template <int V>
  struct Columns {
    const StandardizeBackward& call;
    Pack<T, V> rstd;
    Pack<T, V> mean;
    Pack<T, V> factor;
    __device__ void operator()(int64_t offset) const {
      const auto x = load_pack<V>(call.xs + offset);
      auto d = load_pack<V>(call.dxs + offset);
      for (int v = 0; v < V; ++v)
        d.values[v] =
            rstd.values[v] * (d.values[v] - mean.values[v] - x.values[v] * factor.values[v]);
      store_pack<V>(call.dx + offset, d);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t column) const {
    const int64_t statistic = group * columns + column;
    Columns<V> result{*this, load_pack<V>(rstd + statistic), load_pack<V>(sum + statistic),
                      load_pack<V>(along + statistic)};
    for (int v = 0; v < V; ++v) {
      result.mean.values[v] *= inverse_rows;
      result.factor.values[v] *= inverse_freedom;
    }
    return result;
  }
};

}  // namespace amcl::cuda
