// Batch norm of the cpu backend on f32 or bf16; each phase reads its inputs once.
//
// Work on x [rows, C] is cut into chunks of rows, whose number depends on the shape only, so that
// results do not depend on the number of threads. Within a chunk
//   - sums are taken in f32 lanes over at most kBatchNormBlockRows rows and then added to f64,
//   which keeps
//     their relative error near 1e-7 for any number of rows;
//   - the variance is taken around a shift near the mean (the mean of the chunk's first rows), so
//     that nothing cancels; chunks are combined by the formula of Chan, Golub and LeVeque (1979).
// Few channels would leave vectors short and their sums waiting for one another, so rows are
// folded: `fold` rows of C channels are one row of fold * C.
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/cpu/batch_norm_kernels.h"
#include "engine/backend/cpu/cpu_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// How x [rows, C] is cut: groups of rows with statistics of their own, chunks of rows in each, and
// rows folded into wide ones.
struct Partition {
  int64_t channels;
  int64_t groups;
  int64_t rows;        // of a group
  int64_t chunk_rows;  // a multiple of fold, but for the last chunk of a group
  int64_t chunks;      // of a group
  int64_t fold;

  Partition(const Shape& x, int64_t group_count)
      : channels(x.back()), groups(group_count), rows(x.rows() / group_count) {
    constexpr int64_t kMaxChunks = 64;
    constexpr int64_t kWidth = 128;  // floats in a folded row
    fold = std::max<int64_t>(1, kWidth / channels);
    const int64_t step = kBatchNormBlockRows * fold;
    chunk_rows = std::max<int64_t>(1, (rows + kMaxChunks * step - 1) / (kMaxChunks * step)) * step;
    chunks = (rows + chunk_rows - 1) / chunk_rows;
  }

  int64_t chunk_begin(int64_t chunk) const { return chunk * chunk_rows; }
  int64_t chunk_size(int64_t chunk) const {
    return std::min(chunk_rows, rows - chunk * chunk_rows);
  }

  // Calls body(group, chunk) for all chunks, in parallel.
  template <class Body>
  void for_each_chunk(const Body& body) const {
    constexpr int64_t kWorthAThread = 16384;  // elements
    parallel_for(groups * chunks, std::max<int64_t>(1, kWorthAThread / (chunk_rows * channels)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) body(i / chunks, i % chunks);
                 });
  }

  // Calls body(first, rows, width) for the part of a chunk's rows that folds, in folded rows, and
  // for the rest; `first` is the number of unfolded rows before.
  template <class Body>
  void for_each_width(int64_t chunk, const Body& body) const {
    const int64_t size = chunk_size(chunk);
    const int64_t folded = size / fold;
    if (folded > 0) body(0, folded, fold * channels);
    if (size % fold > 0) body(folded * fold, size % fold, channels);
  }

  // Per channel and group, repeated over a folded row: [groups][fold * channels].
  template <class Value>
  std::vector<float> tile(const Value& value) const {
    std::vector<float> tiled(static_cast<size_t>(groups * fold * channels));
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t i = 0; i < fold * channels; ++i)
        tiled[static_cast<size_t>(group * fold * channels + i)] = value(group, i % channels);
    return tiled;
  }
  const float* of_group(const std::vector<float>& tiled, int64_t group) const {
    return tiled.data() + group * fold * channels;
  }
};

// Two sums of each chunk, channel and group, as [groups * chunks][2][fold * channels] in f64 (the
// folded rows' sums are added up to the first `channels` by fold_sums).
class ChunkSums {
 public:
  explicit ChunkSums(const Partition& partition)
      : partition_(partition),
        width_(partition.fold * partition.channels),
        sums_(static_cast<size_t>(partition.groups * partition.chunks * 2 * width_), 0.0) {}

  double* first(int64_t group, int64_t chunk) {
    return sums_.data() + (group * partition_.chunks + chunk) * 2 * width_;
  }
  double* second(int64_t group, int64_t chunk) { return first(group, chunk) + width_; }

  void fold_sums(int64_t group, int64_t chunk) {
    for (double* sums : {first(group, chunk), second(group, chunk)})
      for (int64_t i = partition_.channels; i < width_; ++i)
        sums[i % partition_.channels] += sums[i];
  }

 private:
  const Partition& partition_;
  int64_t width_;
  std::vector<double> sums_;
};

std::vector<float> tiled_rstd(const Partition& p, const Tensor& variance, double epsilon) {
  const float* variances = variance.data<float>();
  return p.tile([&](int64_t group, int64_t c) {
    return static_cast<float>(
        1.0 / std::sqrt(static_cast<double>(variances[group * p.channels + c]) + epsilon));
  });
}

std::vector<float> tiled_statistic(const Partition& p, const Tensor& statistic) {
  const float* values = statistic.data<float>();
  return p.tile([&](int64_t group, int64_t c) { return values[group * p.channels + c]; });
}

// Calls body(T{}) with the type that activations are stored in.
template <class Body>
void with_stored_type(DType dtype, const Body& body) {
  if (dtype == DType::bf16)
    body(bf16{});
  else
    body(float{});
}

// The mean of the first rows of a chunk, repeated over a folded row.
template <class T>
std::vector<float> chunk_shift(const Partition& p, const T* x, int64_t rows) {
  constexpr int64_t kSampleRows = 16;
  const int64_t sample = std::min(rows, kSampleRows);
  std::vector<float> shift(static_cast<size_t>(p.fold * p.channels), 0.0f);
  for (int64_t row = 0; row < sample; ++row)
    for (int64_t c = 0; c < p.channels; ++c)
      shift[static_cast<size_t>(c)] +=
          static_cast<float>(x[row * p.channels + c]) / static_cast<float>(sample);
  for (size_t i = static_cast<size_t>(p.channels); i < shift.size(); ++i)
    shift[i] = shift[i - static_cast<size_t>(p.channels)];
  return shift;
}

}  // namespace

void CpuBackend::batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                                       Tensor& variance) {
  if (x.dtype() == DType::f64) return PlainBackend::batch_norm_statistics(x, spec, mean, variance);
  const Partition p(x.shape(), spec.groups);
  ChunkSums moments(p);  // after its chunk is done: mean, and sum of squares around it
  with_stored_type(x.dtype(), [&]<class T>(T) {
    p.for_each_chunk([&](int64_t group, int64_t chunk) {
      const T* rows = x.data<T>() + (group * p.rows + p.chunk_begin(chunk)) * p.channels;
      const std::vector<float> shift = chunk_shift(p, rows, p.chunk_size(chunk));
      double* sum = moments.first(group, chunk);
      double* squares = moments.second(group, chunk);
      p.for_each_width(chunk, [&](int64_t first, int64_t count, int64_t width) {
        batch_norm_moments(rows + first * p.channels, count, width, shift.data(), sum, squares);
      });
      moments.fold_sums(group, chunk);
      const auto count = static_cast<double>(p.chunk_size(chunk));
      for (int64_t c = 0; c < p.channels; ++c) {
        const double offset = sum[c] / count;
        squares[c] -= sum[c] * offset;
        sum[c] = static_cast<double>(shift[static_cast<size_t>(c)]) + offset;
      }
    });
  });
  for (int64_t group = 0; group < p.groups; ++group)
    for (int64_t c = 0; c < p.channels; ++c) {
      double centre = 0.0;
      double squares = 0.0;
      double count = 0.0;
      for (int64_t chunk = 0; chunk < p.chunks; ++chunk) {
        const auto size = static_cast<double>(p.chunk_size(chunk));
        const double distance = moments.first(group, chunk)[c] - centre;
        squares +=
            moments.second(group, chunk)[c] + distance * distance * count * size / (count + size);
        count += size;
        centre += distance * size / count;
      }
      mean.data<float>()[group * p.channels + c] = static_cast<float>(centre);
      variance.data<float>()[group * p.channels + c] =
          static_cast<float>(std::max(squares, 0.0) / count);
    }
}

void CpuBackend::batch_norm_apply(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                  const Tensor& gamma, const Tensor& beta,
                                  const Tensor& nullable_residual, const BatchNormSpec& spec,
                                  Tensor& y) {
  if (x.dtype() == DType::f64)
    return PlainBackend::batch_norm_apply(x, mean, variance, gamma, beta, nullable_residual, spec,
                                          y);
  const Partition p(x.shape(), spec.groups);
  std::vector<float> scale = tiled_rstd(p, variance, spec.epsilon);
  for (size_t i = 0; i < scale.size(); ++i)
    scale[i] *= gamma.data<float>()[static_cast<int64_t>(i) % p.channels];
  const std::vector<float> means = tiled_statistic(p, mean);
  const std::vector<float> betas =
      p.tile([&](int64_t, int64_t c) { return beta.data<float>()[c]; });
  with_stored_type(x.dtype(), [&]<class T>(T) {
    const T* residual = nullable_residual.defined() ? nullable_residual.data<T>() : nullptr;
    p.for_each_chunk([&](int64_t group, int64_t chunk) {
      const int64_t begin = group * p.rows + p.chunk_begin(chunk);
      p.for_each_width(chunk, [&](int64_t first, int64_t count, int64_t width) {
        const int64_t i = (begin + first) * p.channels;
        batch_norm_apply_rows<T>({.x = x.data<T>() + i,
                                  .residual = residual != nullptr ? residual + i : nullptr,
                                  .mean = p.of_group(means, group),
                                  .scale = p.of_group(scale, group),
                                  .beta = p.of_group(betas, group),
                                  .relu = spec.relu,
                                  .y = y.data<T>() + i},
                                 count, width);
      });
    });
  });
}

void CpuBackend::batch_norm_backward_reduce(const Tensor& dy, const Tensor& x,
                                            const Tensor& nullable_y, const Tensor& mean,
                                            const Tensor& variance, const BatchNormSpec& spec,
                                            Tensor& sum_g, Tensor& sum_g_xhat) {
  if (x.dtype() == DType::f64)
    return PlainBackend::batch_norm_backward_reduce(dy, x, nullable_y, mean, variance, spec, sum_g,
                                                    sum_g_xhat);
  const Partition p(x.shape(), spec.groups);
  const std::vector<float> means = tiled_statistic(p, mean);
  ChunkSums sums(p);
  with_stored_type(x.dtype(), [&]<class T>(T) {
    p.for_each_chunk([&](int64_t group, int64_t chunk) {
      const int64_t begin = group * p.rows + p.chunk_begin(chunk);
      p.for_each_width(chunk, [&](int64_t first, int64_t count, int64_t width) {
        const int64_t i = (begin + first) * p.channels;
        batch_norm_reduce_rows<T>({.dy = dy.data<T>() + i,
                                   .x = x.data<T>() + i,
                                   .y = spec.relu ? nullable_y.data<T>() + i : nullptr,
                                   .mean = p.of_group(means, group)},
                                  count, width, sums.first(group, chunk),
                                  sums.second(group, chunk));
      });
      sums.fold_sums(group, chunk);
    });
  });
  const std::vector<float> rstd = tiled_rstd(p, variance, spec.epsilon);
  for (int64_t group = 0; group < p.groups; ++group)
    for (int64_t c = 0; c < p.channels; ++c) {
      double total_g = 0.0;
      double total_gx = 0.0;
      for (int64_t chunk = 0; chunk < p.chunks; ++chunk) {
        total_g += sums.first(group, chunk)[c];
        total_gx += sums.second(group, chunk)[c];
      }
      sum_g.data<float>()[group * p.channels + c] = static_cast<float>(total_g);
      sum_g_xhat.data<float>()[group * p.channels + c] =
          static_cast<float>(total_gx * static_cast<double>(p.of_group(rstd, group)[c]));
    }
}

void CpuBackend::batch_norm_backward_apply(const Tensor& dy, const Tensor& x,
                                           const Tensor& nullable_y, const Tensor& mean,
                                           const Tensor& variance, const Tensor& gamma,
                                           const Tensor& nullable_sum_g,
                                           const Tensor& nullable_sum_g_xhat,
                                           const BatchNormSpec& spec, Tensor& dx,
                                           Tensor& nullable_dresidual) {
  if (x.dtype() == DType::f64)
    return PlainBackend::batch_norm_backward_apply(dy, x, nullable_y, mean, variance, gamma,
                                                   nullable_sum_g, nullable_sum_g_xhat, spec, dx,
                                                   nullable_dresidual);
  const Partition p(x.shape(), spec.groups);
  const std::vector<float> means = tiled_statistic(p, mean);
  const std::vector<float> rstd = tiled_rstd(p, variance, spec.epsilon);
  const bool constants = !nullable_sum_g.defined();  // the statistics were
  const float* sum_g = constants ? nullptr : nullable_sum_g.data<float>();
  const float* sum_g_xhat = constants ? nullptr : nullable_sum_g_xhat.data<float>();
  const auto rows = static_cast<float>(p.rows);
  const auto scale_of = [&](int64_t group, int64_t c) {
    return gamma.data<float>()[c] * p.of_group(rstd, group)[c];
  };
  const std::vector<float> scale = p.tile(scale_of);
  const std::vector<float> offset = p.tile([&](int64_t group, int64_t c) {
    return constants ? 0.0f : scale_of(group, c) * sum_g[group * p.channels + c] / rows;
  });
  const std::vector<float> slope = p.tile([&](int64_t group, int64_t c) {
    return constants ? 0.0f
                     : scale_of(group, c) * p.of_group(rstd, group)[c] *
                           sum_g_xhat[group * p.channels + c] / rows;
  });
  with_stored_type(x.dtype(), [&]<class T>(T) {
    T* dresidual = nullable_dresidual.defined() ? nullable_dresidual.data<T>() : nullptr;
    p.for_each_chunk([&](int64_t group, int64_t chunk) {
      const int64_t begin = group * p.rows + p.chunk_begin(chunk);
      p.for_each_width(chunk, [&](int64_t first, int64_t count, int64_t width) {
        const int64_t i = (begin + first) * p.channels;
        batch_norm_backward_rows<T>({.dy = dy.data<T>() + i,
                                     .x = x.data<T>() + i,
                                     .y = spec.relu ? nullable_y.data<T>() + i : nullptr,
                                     .mean = p.of_group(means, group),
                                     .scale = p.of_group(scale, group),
                                     .offset = p.of_group(offset, group),
                                     .slope = p.of_group(slope, group),
                                     .dx = dx.data<T>() + i,
                                     .dresidual = dresidual != nullptr ? dresidual + i : nullptr},
                                    count, width);
      });
    });
  });
}

}  // namespace amcl
