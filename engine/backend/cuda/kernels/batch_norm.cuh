// Batch norm over the rows of x [groups, rows, C], with relu and residual fused both ways; as
// bodies of the column kernels (columns.cuh), and the statistics, which are no plain sums.
//
// With E elements of s bytes each (bf16: 2), all limited by memory:
//   statistics        E s            6 FLOPs per element
//   apply             2 E s (3 with a residual)
//   backward reduce   2 E s (3 with relu, whose mask is y)
//   backward apply    3 E s (4 with relu, 5 with the residual's gradient)
// ResNet-18, width 64, 1024 images of 32 x 32, first stage: E = 67 M, so 28 us per E s in bf16 at
// 4.8 TB/s. Statistics stay f32; the formulas are those of engine/backend/plain/batch_norm.cpp.
#pragma once
#include <cmath>

#include "engine/backend/cuda/kernels/columns.cuh"

namespace amcl::cuda {

// Count, mean and sum of squared deviations of some rows, merged without cancellation (Chan, Golub,
// LeVeque 1979).
template <class T>
struct Moments {
  T mean;
  T squares;

  // This of `count` rows with `other` of `other_count`, which may be 0.
  __device__ void merge(T count, const Moments& other, T other_count) {
    if (other_count == T(0)) return;
    const T share = other_count / (count + other_count);
    const T delta = other.mean - mean;
    mean += delta * share;
    squares += other.squares + delta * delta * count * share;
  }
};

// The moments of a thread's rows, and how many those are. Some rows at a time are in registers, so
// that there is one division for all of them.
template <int V, class T>
__device__ int moments_of_rows(const ColumnExtents& extents, const ColumnPlace<V>& place,
                               const T* x, Moments<Wide<T>> (&moments)[V]) {
  using Number = Wide<T>;
  constexpr int kBatch = 4;
  const auto step = static_cast<int64_t>(blockDim.y);
  int count = 0;
  for (int64_t row = place.first_row; row < place.end_row; row += kBatch * step) {
    Pack<T, V> packs[kBatch] = {};
    int batch = 0;
    AMCL_UNROLL
    for (int k = 0; k < kBatch; ++k)
      if (row + k * step < place.end_row) {
        packs[k] = load_pack<V>(x + place.offset(extents, row + k * step));
        batch = k + 1;
      }
    const Number inverse = Number(1) / static_cast<Number>(batch);
    for (int v = 0; v < V; ++v) {
      Moments<Number> of_batch{};
      AMCL_UNROLL
      for (int k = 0; k < kBatch; ++k)
        if (k < batch) of_batch.mean += widen(packs[k].values[v]) * inverse;
      AMCL_UNROLL
      for (int k = 0; k < kBatch; ++k) {
        const Number centred = k < batch ? widen(packs[k].values[v]) - of_batch.mean : Number(0);
        of_batch.squares += centred * centred;
      }
      moments[v].merge(static_cast<Number>(count), of_batch, static_cast<Number>(batch));
    }
    count += batch;
  }
  return count;
}

// partial [groups, chunks, 2, C]: mean and sum of squared deviations over the rows of a chunk.
template <int V, class T>
__global__ void __launch_bounds__(kBlockThreads)
    batch_norm_moments_kernel(ColumnExtents extents, const T* x, Wide<T>* partial) {
  using Number = Wide<T>;
  AMCL_SHARED(Number, means, V * kBlockThreads);
  AMCL_SHARED(Number, squares, V * kBlockThreads);
  AMCL_SHARED(int, counts, kBlockThreads);
  const ColumnPlace<V> place(extents);
  const auto width = static_cast<int>(blockDim.x);
  const auto y = static_cast<int>(threadIdx.y);
  const int thread = y * width + static_cast<int>(threadIdx.x);
  const bool inside = place.column < extents.columns;
  Moments<Number> moments[V] = {};
  int count = inside ? moments_of_rows<V>(extents, place, x, moments) : 0;
  for (int v = 0; v < V; ++v) {
    means[v * kBlockThreads + thread] = moments[v].mean;
    squares[v * kBlockThreads + thread] = moments[v].squares;
  }
  counts[thread] = count;
  for (int half = static_cast<int>(blockDim.y) / 2; half > 0; half /= 2) {
    __syncthreads();
    if (y >= half) continue;
    const int other = thread + half * width;
    for (int v = 0; v < V; ++v) {
      const int mine = v * kBlockThreads;
      moments[v].merge(static_cast<Number>(count), {means[mine + other], squares[mine + other]},
                       static_cast<Number>(counts[other]));
      means[mine + thread] = moments[v].mean;
      squares[mine + thread] = moments[v].squares;
    }
    count += counts[other];
    counts[thread] = count;
  }
  if (y != 0 || !inside) return;
  for (int v = 0; v < V; ++v) {
    Number* out = partial + blockIdx.x * 2 * extents.columns + place.column + v;
    out[0] = moments[v].mean;
    out[extents.columns] = moments[v].squares;
  }
}

// mean and biased variance [groups, C] from the moments of the chunks, in f64; blocks as in
// column_totals_kernel.
template <class Number>
__global__ void __launch_bounds__(kTotalColumns* kTotalRows)
    batch_norm_merge_kernel(ColumnExtents extents, const Number* partial, Number* mean,
                            Number* variance) {
  AMCL_SHARED(double, shared, kTotalColumns* kTotalRows);
  const int64_t column = static_cast<int64_t>(blockIdx.y) * kTotalColumns + threadIdx.x;
  const int64_t group = blockIdx.x;
  const int64_t end = column < extents.columns ? extents.chunks : 0;
  const auto rows = static_cast<double>(extents.rows);
  const auto rows_of = [&](int64_t chunk) {
    const int64_t left = extents.rows - chunk * extents.chunk_rows;
    return static_cast<double>(left < extents.chunk_rows ? left : extents.chunk_rows);
  };
  const auto moment = [&](int64_t chunk, int which) {
    return static_cast<double>(
        partial[((group * extents.chunks + chunk) * 2 + which) * extents.columns + column]);
  };
  double sum = 0.0;
  for (int64_t chunk = threadIdx.y; chunk < end; chunk += kTotalRows)
    sum += rows_of(chunk) * moment(chunk, 0);
  const double average = column_total(sum, shared) / rows;
  double squares = 0.0;
  for (int64_t chunk = threadIdx.y; chunk < end; chunk += kTotalRows) {
    const double centred = moment(chunk, 0) - average;
    squares += moment(chunk, 1) + rows_of(chunk) * centred * centred;
  }
  squares = column_total(squares, shared);
  if (threadIdx.y != 0 || end == 0) return;
  mean[group * extents.columns + column] = static_cast<Number>(average);
  variance[group * extents.columns + column] = static_cast<Number>(squares / rows);
}

// running <- (1 - momentum) running + momentum statistic, group after group; one thread per
// channel.
template <class Number>
__global__ void __launch_bounds__(kBlockThreads)
    batch_norm_running_kernel(int64_t groups, int64_t channels, const Number* mean,
                              const Number* variance, Number momentum, Number unbias,
                              Number* running_mean, Number* running_variance) {
  const int64_t channel = grid_thread();
  if (channel >= channels) return;
  Number average = running_mean[channel];
  Number spread = running_variance[channel];
  for (int64_t i = channel; i < groups * channels; i += channels) {
    average = (Number(1) - momentum) * average + momentum * mean[i];
    spread = (Number(1) - momentum) * spread + momentum * unbias * variance[i];
  }
  running_mean[channel] = average;
  running_variance[channel] = spread;
}

// Statistics of one column.
template <class Number>
struct Normalizer {
  Number mean;
  Number rstd;

  __device__ Number xhat(Number x) const { return (x - mean) * rstd; }
};

template <class T>
struct ColumnStatistics {
  using Number = Wide<T>;
  const Number* mean;
  const Number* variance;
  int64_t channels;
  Number epsilon;

  __device__ Normalizer<Number> of(int64_t group, int64_t channel) const {
    const int64_t statistic = group * channels + channel;
    return {mean[statistic], Number(1) / std::sqrt(variance[statistic] + epsilon)};
  }
};

// y = [relu] (gamma xhat + beta [+ residual])
template <class T>
struct BatchNormApply {
  using Number = Wide<T>;
  ColumnStatistics<T> statistics;
  const Number* gamma;
  const Number* beta;
  const T* x;
  const T* residual;  // null: none
  bool relu;
  T* y;

  template <int V>
  struct Columns {
    const BatchNormApply& call;
    Number mean[V];
    Number scale[V];
    Number shift[V];

    __device__ void operator()(int64_t offset) const {
      const auto xs = load_pack<V>(call.x + offset);
      Pack<T, V> residuals = {};
      if (call.residual != nullptr) residuals = load_pack<V>(call.residual + offset);
      Pack<T, V> result;
      AMCL_UNROLL
      for (int v = 0; v < V; ++v) {
        Number value = scale[v] * (widen(xs.values[v]) - mean[v]) + shift[v];
        if (call.residual != nullptr) value += widen(residuals.values[v]);
        result.values[v] = narrow_to<T>(call.relu && value < Number(0) ? Number(0) : value);
      }
      store_pack<V>(call.y + offset, result);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t channel) const {
    Columns<V> columns{*this, {}, {}, {}};
    for (int v = 0; v < V; ++v) {
      const Normalizer<Number> normalizer = statistics.of(group, channel + v);
      columns.mean[v] = normalizer.mean;
      columns.scale[v] = gamma[channel + v] * normalizer.rstd;
      columns.shift[v] = beta[channel + v];
    }
    return columns;
  }
};

// What both backward kernels read: dy behind the mask of relu, and x.
template <class T>
struct BatchNormGradient {
  const T* dy;
  const T* x;
  const T* y;  // null: no relu

  template <int V>
  __device__ Pack<T, V> masked(int64_t offset) const {
    auto g = load_pack<V>(dy + offset);
    if (y == nullptr) return g;
    const auto ys = load_pack<V>(y + offset);
    AMCL_UNROLL
    for (int v = 0; v < V; ++v)
      if (!(widen(ys.values[v]) > Wide<T>(0))) g.values[v] = narrow_to<T>(Wide<T>(0));
    return g;
  }
};

// Sums of g and g xhat.
template <class T>
struct BatchNormBackwardReduce {
  using Number = Wide<T>;
  using Sum = Number;
  static constexpr int kSums = 2;
  ColumnStatistics<T> statistics;
  BatchNormGradient<T> gradient;

  template <int V>
  struct Columns {
    const BatchNormGradient<T>& gradient;
    Normalizer<Number> normalizers[V];

    __device__ void operator()(int64_t offset, Sum (&sums)[kSums][V]) const {
      const auto g = gradient.template masked<V>(offset);
      const auto xs = load_pack<V>(gradient.x + offset);
      AMCL_UNROLL
      for (int v = 0; v < V; ++v) {
        sums[0][v] += widen(g.values[v]);
        sums[1][v] += widen(g.values[v]) * normalizers[v].xhat(widen(xs.values[v]));
      }
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t channel) const {
    Columns<V> columns{gradient, {}};
    for (int v = 0; v < V; ++v) columns.normalizers[v] = statistics.of(group, channel + v);
    return columns;
  }
};

// dx = gamma rstd (g - (sum_g + xhat sum_g_xhat) / rows), dresidual = g
template <class T>
struct BatchNormBackwardApply {
  using Number = Wide<T>;
  ColumnStatistics<T> statistics;
  BatchNormGradient<T> gradient;
  const Number* gamma;
  const Number* sum_g;  // null: the statistics were constants
  const Number* sum_g_xhat;
  Number inverse_rows;
  T* dx;
  T* dresidual;  // null: not wanted

  template <int V>
  struct Columns {
    const BatchNormBackwardApply& call;
    Normalizer<Number> normalizers[V];
    Number scale[V];
    Number mean_g[V];
    Number mean_g_xhat[V];

    __device__ void operator()(int64_t offset) const {
      const auto g = call.gradient.template masked<V>(offset);
      const auto xs = load_pack<V>(call.gradient.x + offset);
      if (call.dresidual != nullptr) store_pack<V>(call.dresidual + offset, g);
      Pack<T, V> result;
      AMCL_UNROLL
      for (int v = 0; v < V; ++v) {
        const Number xhat = normalizers[v].xhat(widen(xs.values[v]));
        result.values[v] =
            narrow_to<T>(scale[v] * (widen(g.values[v]) - (mean_g[v] + xhat * mean_g_xhat[v])));
      }
      store_pack<V>(call.dx + offset, result);
    }
  };
  template <int V>
  __device__ Columns<V> at(int64_t group, int64_t channel) const {
    Columns<V> columns{*this, {}, {}, {}, {}};
    for (int v = 0; v < V; ++v) {
      columns.normalizers[v] = statistics.of(group, channel + v);
      columns.scale[v] = gamma[channel + v] * columns.normalizers[v].rstd;
      if (sum_g == nullptr) continue;
      const int64_t statistic = group * statistics.channels + channel + v;
      columns.mean_g[v] = sum_g[statistic] * inverse_rows;
      columns.mean_g_xhat[v] = sum_g_xhat[statistic] * inverse_rows;
    }
    return columns;
  }
};

}  // namespace amcl::cuda
