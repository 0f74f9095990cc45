// The loss over a matrix of pairs (spec S3, S4; engine/backend/pair_formulas.h), with its
// statistics, and its gradients.
//
// Bytes per pair in f32: 8 forward (s, r), 16 backward (s, r, ds, dr); FLOPs: about 30 and 40, of
// them two exponentials each. C = 3 heads, 1024 anchors: 3.1 M pairs, 25 MB and 50 MB: 5 and 10 us
// at 4.8 TB/s. One pass over the row forward: the log-sum-exp is kept per lane relative to its
// maximum so far and merged at the end. Statistics are added in f64 per lane, then across lanes,
// rows and heads in a fixed order.
#pragma once
#include "engine/backend/cuda/kernels/pair_rows.cuh"

namespace amcl::cuda {

struct PairRecordValues {
  double values[kPairRecord];

  __device__ PairRecordValues() {
    for (double& value : values) value = 0.0;
    values[kRecordTemperatureMin] = static_cast<double>(INFINITY);
  }
  __device__ void add_pair(bool is_positive, double s, double tau, double logit, bool at_bound) {
    if (is_positive)
      add_moments<kRecordPositive, kRecordPositives>(s, tau);
    else
      add_moments<kRecordNegative, kRecordNegatives>(s, tau);
    values[kRecordAtBound] += at_bound ? 1.0 : 0.0;
    merge_extremes(tau, tau, logit < 0.0 ? -logit : logit);
  }
  __device__ void add_record(const double* record) {
    for (int k = 0; k < kRecordSums; ++k) values[k] += record[k];
    merge_extremes(record[kRecordTemperatureMin], record[kRecordTemperatureMax],
                   record[kRecordLogitAbsMax]);
  }
  // Those of all lanes of the warp.
  __device__ void combine_lanes() {
    for (int k = 0; k < kRecordSums; ++k) values[k] = team_sum<kWarpThreads>(values[k]);
    for (int distance = kWarpThreads / 2; distance > 0; distance /= 2)
      merge_extremes(__shfl_xor_sync(kWholeWarp, values[kRecordTemperatureMin], distance),
                     __shfl_xor_sync(kWholeWarp, values[kRecordTemperatureMax], distance),
                     __shfl_xor_sync(kWholeWarp, values[kRecordLogitAbsMax], distance));
  }

 private:
  // Places that are known to the compiler: else the sums would live in memory and not in registers.
  template <int kFirst, int kCount>
  __device__ void add_moments(double s, double tau) {
    values[kFirst] += s;
    values[kFirst + 1] += s * s;
    values[kFirst + 2] += tau;
    values[kFirst + 3] += tau * tau;
    values[kCount] += 1.0;
  }
  __device__ void merge_extremes(double least, double greatest, double logit) {
    double* extremes = values + kRecordTemperatureMin;
    extremes[0] = least < extremes[0] ? least : extremes[0];
    extremes[1] = greatest > extremes[1] ? greatest : extremes[1];
    extremes[2] = logit > extremes[2] ? logit : extremes[2];
  }
};

// A running log-sum-exp: sum = sum of exp(l - shift).
template <class T>
struct RunningLogSumExp {
  T shift = -static_cast<T>(INFINITY);
  double sum = 0.0;

  __device__ void add(T l) {
    if (l > shift) {
      sum = sum * static_cast<double>(std::exp(shift - l)) + 1.0;
      shift = l;
    } else {
      sum += static_cast<double>(std::exp(l - shift));
    }
  }
  __device__ T of_warp() const {
    const T greatest = team_reduce<kWarpThreads>(shift, Greater{});
    // A lane that saw nothing has shift -inf and adds 0.
    const double all =
        team_sum<kWarpThreads>(sum * static_cast<double>(std::exp(shift - greatest)));
    return static_cast<T>(static_cast<double>(greatest) + std::log(all));
  }
};

// Mean logit of the selected candidates.
template <class T>
__device__ T mean_of_selected(const PairCall<T>& call, const WarpPairRow<T>& row, int lane) {
  const int64_t kappa = row.selection_size(call.spec);
  WarpSelection<T> selection(row, kappa, lane);
  double sum = 0.0;
  for (int64_t first = 0; first < row.candidates; first += kWarpThreads) {
    if (!selection.next(first)) continue;
    const int64_t j = first + lane;
    const T tau = call.formulas.temperature(row.r, j).tau;
    const auto& omega = j == row.positive ? call.formulas.positive : call.formulas.negative;
    sum += static_cast<double>(omega.logit(row.s[j], tau));
  }
  return static_cast<T>(team_sum<kWarpThreads>(sum) / static_cast<double>(kappa));
}

// loss, lse [rows]; records [rows, kPairRecord].
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    pair_loss_kernel(PairCall<T> call, T* loss, T* lse, double* records) {
  const auto lane = static_cast<int>(threadIdx.x % kWarpThreads);
  const int64_t index = grid_thread() / kWarpThreads;
  if (index >= call.rows) return;  // the whole warp
  const WarpPairRow<T> row(call, index);
  const TemperatureBounds bounds(call.spec.range);
  PairRecordValues record;
  RunningLogSumExp<T> running;
  for (int64_t j = lane; j < row.candidates; j += kWarpThreads) {
    if (j == row.self) continue;
    const bool is_positive = j == row.positive;
    const T tau = call.formulas.temperature(row.r, j).tau;
    const T logit =
        (is_positive ? call.formulas.positive : call.formulas.negative).logit(row.s[j], tau);
    const auto t = static_cast<double>(tau);
    record.add_pair(is_positive, static_cast<double>(row.s[j]), t, static_cast<double>(logit),
                    call.spec.adaptive && bounds.holds(t));
    if (row.includes(j)) running.add(logit);
  }
  record.combine_lanes();
  const T reduced =
      call.spec.reducer == PairReducer::lse ? running.of_warp() : mean_of_selected(call, row, lane);
  if (lane != 0) return;
  const T tau = call.formulas.temperature(row.r, row.positive).tau;
  lse[index] = reduced;
  loss[index] = reduced - call.formulas.positive.logit(row.s[row.positive], tau) +
                call.formulas.anchor.omega(tau);
  for (int k = 0; k < kPairRecord; ++k) records[index * kPairRecord + k] = record.values[k];
}

// statistics [C, kPairStatistics] from the records of the rows; a warp per head (blockIdx.x).
static __global__ void __launch_bounds__(kWarpThreads)
    pair_statistics_kernel(int64_t anchors, bool adaptive, double temperature,
                           const double* records, float* statistics) {
  PairRecordValues all;
  for (int64_t row = threadIdx.x; row < anchors; row += kWarpThreads)
    all.add_record(records + (blockIdx.x * anchors + row) * kPairRecord);
  all.combine_lanes();
  if (threadIdx.x != 0) return;
  float* out = statistics + blockIdx.x * int64_t{kPairStatistics};
  const double* values = all.values;
  const double positives = values[kRecordPositives] > 1.0 ? values[kRecordPositives] : 1.0;
  const double negatives = values[kRecordNegatives] > 1.0 ? values[kRecordNegatives] : 1.0;
  const double* p = values + kRecordPositive;
  const double* n = values + kRecordNegative;
  // Constant: exactly the constant, not what rounding leaves of it.
  const auto put_temperature = [&](int statistic, double value) {
    out[statistic] = static_cast<float>(adaptive ? value : temperature);
  };
  out[kPositiveSimilarityMean] = static_cast<float>(p[0] / positives);
  out[kPositiveSimilarityStd] = static_cast<float>(standard_deviation(p[0], p[1], positives));
  out[kNegativeSimilarityMean] = static_cast<float>(n[0] / negatives);
  out[kNegativeSimilarityStd] = static_cast<float>(standard_deviation(n[0], n[1], negatives));
  put_temperature(kPositiveTemperatureMean, p[2] / positives);
  out[kPositiveTemperatureStd] =
      adaptive ? static_cast<float>(standard_deviation(p[2], p[3], positives)) : 0.0f;
  put_temperature(kNegativeTemperatureMean, n[2] / negatives);
  out[kNegativeTemperatureStd] =
      adaptive ? static_cast<float>(standard_deviation(n[2], n[3], negatives)) : 0.0f;
  put_temperature(kTemperatureMin, values[kRecordTemperatureMin]);
  put_temperature(kTemperatureMax, values[kRecordTemperatureMax]);
  out[kTemperatureAtBound] = static_cast<float>(
      values[kRecordAtBound] / (values[kRecordPositives] + values[kRecordNegatives]));
  out[kLogitAbsMax] = static_cast<float>(values[kRecordLogitAbsMax]);
}

// ds [rows, B] and, where dr is not null, dr.
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    pair_loss_backward_kernel(PairCall<T> call, const T* lse, const T* dloss, T* ds, T* dr) {
  const auto lane = static_cast<int>(threadIdx.x % kWarpThreads);
  const int64_t index = grid_thread() / kWarpThreads;
  if (index >= call.rows) return;  // the whole warp
  const WarpPairRow<T> row(call, index);
  const T upstream = dloss[index];
  T* ds_row = ds + index * call.candidates;
  T* dr_row = dr == nullptr ? nullptr : dr + index * call.candidates;
  const auto put = [&](int64_t j, T weight, bool nothing) {
    const PairDerivatives<T> of = call.formulas.derivatives(
        j == row.positive, row.s[j], call.formulas.temperature(row.r, j), weight, upstream);
    ds_row[j] = nothing ? T(0) : of.ds;
    if (dr_row != nullptr) dr_row[j] = nothing ? T(0) : of.dr;
  };
  if (call.spec.reducer == PairReducer::lse) {
    const T reduced = lse[index];
    for (int64_t j = lane; j < row.candidates; j += kWarpThreads) {
      const T tau = call.formulas.temperature(row.r, j).tau;
      const auto& omega = j == row.positive ? call.formulas.positive : call.formulas.negative;
      put(j, row.includes(j) ? std::exp(omega.logit(row.s[j], tau) - reduced) : T(0),
          j == row.self);
    }
    return;
  }
  const int64_t kappa = row.selection_size(call.spec);
  WarpSelection<T> selection(row, kappa, lane);
  const T share = T(1) / static_cast<T>(kappa);
  for (int64_t first = 0; first < row.candidates; first += kWarpThreads) {
    const bool selected = selection.next(first);
    const int64_t j = first + lane;
    if (j < row.candidates) put(j, selected ? share : T(0), !selected && j != row.positive);
  }
}

}  // namespace amcl::cuda
