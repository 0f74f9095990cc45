// Batch norm over the rows of x [..., C] in two phases each way. mean, variance and the sums are
// [G, C]: one row per group, of the group's rows_per_group rows. Sums are taken in f64.
#include <cmath>
#include <vector>

#include "engine/backend/plain/by_way_of_f32.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Calls body(group, channel, i) for each element i of x, row after row.
template <class Body>
void for_each_element(const Shape& x, int64_t groups, const Body& body) {
  const int64_t channels = x.back();
  const int64_t rows_per_group = x.rows() / groups;
  int64_t i = 0;
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t row = 0; row < rows_per_group; ++row)
      for (int64_t channel = 0; channel < channels; ++channel, ++i) body(group, channel, i);
}

template <class T>
void store(const std::vector<double>& values, double divisor, Tensor& destination) {
  T* out = destination.data<T>();
  for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i] / divisor);
}

// 1 / sqrt(variance + epsilon) of each group and channel.
template <class T>
std::vector<T> reciprocal_deviation(const Tensor& variance, double epsilon) {
  const T* values = variance.data<T>();
  std::vector<T> result(static_cast<size_t>(variance.count()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = T{1} / std::sqrt(values[i] + static_cast<T>(epsilon));
  return result;
}

}  // namespace

void PlainBackend::batch_norm_statistics(const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
                                         Tensor& variance) {
  if (x.dtype() == DType::bf16)
    return batch_norm_statistics(widened(*this, x), spec, mean, variance);
  const int64_t channels = x.shape().back();
  const double rows = static_cast<double>(x.shape().rows() / spec.groups);
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const T* xs = x.data<T>();
    std::vector<double> sums(static_cast<size_t>(mean.count()), 0.0);
    std::vector<double> squares(sums.size(), 0.0);
    for_each_element(x.shape(), spec.groups, [&](int64_t group, int64_t channel, int64_t i) {
      sums[static_cast<size_t>(group * channels + channel)] += xs[i];
    });
    // Two passes: the mean of squares minus the square of the mean cancels.
    for_each_element(x.shape(), spec.groups, [&](int64_t group, int64_t channel, int64_t i) {
      const auto statistic = static_cast<size_t>(group * channels + channel);
      const double centred = xs[i] - sums[statistic] / rows;
      squares[statistic] += centred * centred;
    });
    store<T>(sums, rows, mean);
    store<T>(squares, rows, variance);
  });
}

void PlainBackend::batch_norm_update_running(const Tensor& mean, const Tensor& variance,
                                             int64_t rows_per_group, double momentum,
                                             Tensor& running_mean, Tensor& running_variance) {
  dispatch_floating(mean.dtype(), [&]<class T>(T) {
    const int64_t channels = running_mean.count();
    const T* means = mean.data<T>();
    const T* variances = variance.data<T>();
    T* running_means = running_mean.data<T>();
    T* running_variances = running_variance.data<T>();
    const auto weight = static_cast<T>(momentum);
    const auto unbias = static_cast<T>(static_cast<double>(rows_per_group) /
                                       static_cast<double>(rows_per_group - 1));
    for (int64_t i = 0; i < mean.count(); ++i) {  // group after group
      T& average = running_means[i % channels];
      T& spread = running_variances[i % channels];
      average = (T{1} - weight) * average + weight * means[i];
      spread = (T{1} - weight) * spread + weight * unbias * variances[i];
    }
  });
}

void PlainBackend::batch_norm_apply(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                    const Tensor& gamma, const Tensor& beta,
                                    const Tensor& nullable_residual, const BatchNormSpec& spec,
                                    Tensor& y) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(y);
    batch_norm_apply(widened(*this, x), mean, variance, gamma, beta,
                     widened(*this, nullable_residual), spec, wide);
    return round_into(*this, wide, y);
  }
  const int64_t channels = x.shape().back();
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const std::vector<T> rstd = reciprocal_deviation<T>(variance, spec.epsilon);
    const T* xs = x.data<T>();
    const T* means = mean.data<T>();
    const T* gammas = gamma.data<T>();
    const T* betas = beta.data<T>();
    const T* residual = nullable_residual.defined() ? nullable_residual.data<T>() : nullptr;
    T* ys = y.data<T>();
    for_each_element(x.shape(), spec.groups, [&](int64_t group, int64_t channel, int64_t i) {
      const int64_t statistic = group * channels + channel;
      T value =
          gammas[channel] * (xs[i] - means[statistic]) * rstd[static_cast<size_t>(statistic)] +
          betas[channel];
      if (residual != nullptr) value += residual[i];
      ys[i] = spec.relu && value < T{0} ? T{0} : value;  // NaN stays NaN
    });
  });
}

void PlainBackend::batch_norm_backward_reduce(const Tensor& dy, const Tensor& x,
                                              const Tensor& nullable_y, const Tensor& mean,
                                              const Tensor& variance, const BatchNormSpec& spec,
                                              Tensor& sum_g, Tensor& sum_g_xhat) {
  if (x.dtype() == DType::bf16)
    return batch_norm_backward_reduce(widened(*this, dy), widened(*this, x),
                                      widened(*this, nullable_y), mean, variance, spec, sum_g,
                                      sum_g_xhat);
  const int64_t channels = x.shape().back();
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const std::vector<T> rstd = reciprocal_deviation<T>(variance, spec.epsilon);
    const T* xs = x.data<T>();
    const T* dys = dy.data<T>();
    const T* means = mean.data<T>();
    const T* ys = spec.relu ? nullable_y.data<T>() : nullptr;
    std::vector<double> sums(rstd.size(), 0.0);
    std::vector<double> sums_xhat(rstd.size(), 0.0);
    for_each_element(x.shape(), spec.groups, [&](int64_t group, int64_t channel, int64_t i) {
      if (ys != nullptr && !(ys[i] > T{0})) return;
      const auto statistic = static_cast<size_t>(group * channels + channel);
      const double xhat = (xs[i] - means[statistic]) * rstd[statistic];
      sums[statistic] += dys[i];
      sums_xhat[statistic] += dys[i] * xhat;
    });
    store<T>(sums, 1.0, sum_g);
    store<T>(sums_xhat, 1.0, sum_g_xhat);
  });
}

void PlainBackend::batch_norm_backward_apply(const Tensor& dy, const Tensor& x,
                                             const Tensor& nullable_y, const Tensor& mean,
                                             const Tensor& variance, const Tensor& gamma,
                                             const Tensor& nullable_sum_g,
                                             const Tensor& nullable_sum_g_xhat,
                                             const BatchNormSpec& spec, Tensor& dx,
                                             Tensor& nullable_dresidual) {
  if (x.dtype() == DType::bf16) {
    Tensor wide = wide_like(dx);
    Tensor wide_residual = wide_like(nullable_dresidual);
    batch_norm_backward_apply(widened(*this, dy), widened(*this, x), widened(*this, nullable_y),
                              mean, variance, gamma, nullable_sum_g, nullable_sum_g_xhat, spec,
                              wide, wide_residual);
    round_into(*this, wide, dx);
    return round_into(*this, wide_residual, nullable_dresidual);
  }
  const int64_t channels = x.shape().back();
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    const auto rows = static_cast<T>(x.shape().rows() / spec.groups);
    const std::vector<T> rstd = reciprocal_deviation<T>(variance, spec.epsilon);
    const T* xs = x.data<T>();
    const T* dys = dy.data<T>();
    const T* means = mean.data<T>();
    const T* gammas = gamma.data<T>();
    const T* ys = spec.relu ? nullable_y.data<T>() : nullptr;
    const T* sums = nullable_sum_g.defined() ? nullable_sum_g.data<T>() : nullptr;
    const T* sums_xhat = nullable_sum_g.defined() ? nullable_sum_g_xhat.data<T>() : nullptr;
    T* dxs = dx.data<T>();
    T* dresidual = nullable_dresidual.defined() ? nullable_dresidual.data<T>() : nullptr;
    for_each_element(x.shape(), spec.groups, [&](int64_t group, int64_t channel, int64_t i) {
      const auto statistic = static_cast<size_t>(group * channels + channel);
      const T g = ys != nullptr && !(ys[i] > T{0}) ? T{0} : dys[i];
      if (dresidual != nullptr) dresidual[i] = g;
      T through_statistics{0};
      if (sums != nullptr) {
        const T xhat = (xs[i] - means[statistic]) * rstd[statistic];
        through_statistics = (sums[statistic] + xhat * sums_xhat[statistic]) / rows;
      }
      dxs[i] = gammas[channel] * rstd[statistic] * (g - through_statistics);
    });
  });
}

}  // namespace amcl
