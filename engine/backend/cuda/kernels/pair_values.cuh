// Statistics of pairs whose similarities and temperatures are there already (pair_value_statistics).
//
// Bytes: each value once, 8 per pair in f32. FLOPs: a division and 14 more per pair. A warp takes a
// part of the pairs and leaves a record; a warp per head then adds the records in their order.
#pragma once
#include "engine/backend/cuda/kernels/pair_loss.cuh"

namespace amcl::cuda {

inline constexpr int64_t kValuesOfWarp = 4096;

// Pairs of one kind, s and tau [heads, count]; count 0: there are none.
template <class T>
struct PairValueRows {
  const T* s;
  const T* tau;
  int64_t count;

  int64_t parts() const { return (count + kValuesOfWarp - 1) / kValuesOfWarp; }
};

// records [heads, parts, kPairRecord]; blockIdx.x: part, .y: head.
template <class T>
__global__ void __launch_bounds__(kWarpThreads)
    pair_value_records_kernel(PairValueRows<T> pairs, bool positives, TemperatureBounds bounds,
                              double* records) {
  const int64_t begin = blockIdx.x * kValuesOfWarp;
  const int64_t end = begin + kValuesOfWarp < pairs.count ? begin + kValuesOfWarp : pairs.count;
  const int64_t head = blockIdx.y;
  PairRecordValues record;
  for (int64_t i = begin + threadIdx.x; i < end; i += kWarpThreads) {
    const auto s = static_cast<double>(static_cast<float>(pairs.s[head * pairs.count + i]));
    const auto tau = static_cast<double>(static_cast<float>(pairs.tau[head * pairs.count + i]));
    record.add_pair(positives, s, tau, s / tau, bounds.holds(tau));
  }
  record.combine_lanes();
  if (threadIdx.x != 0) return;
  double* out = records + (head * gridDim.x + blockIdx.x) * kPairRecord;
  for (int k = 0; k < kPairRecord; ++k) out[k] = record.values[k];
}

__device__ inline PairRecordValues total_record(const double* records, int64_t head,
                                                int64_t parts) {
  PairRecordValues total;
  for (int64_t part = threadIdx.x; part < parts; part += kWarpThreads)
    total.add_record(records + (head * parts + part) * kPairRecord);
  total.combine_lanes();
  return total;
}

// Mean and deviation of similarities and of temperatures, one after the other in `out`.
__device__ inline void put_moments(const double* sums, double count, float* out) {
  const double nan = static_cast<double>(NAN);
  for (int k = 0; k < 2; ++k) {
    const int mean = k == 0 ? 0 : kPositiveTemperatureMean - kPositiveSimilarityMean;
    out[mean] = static_cast<float>(count > 0.0 ? sums[2 * k] / count : nan);
    out[mean + 1] = static_cast<float>(
        count > 0.0 ? standard_deviation(sums[2 * k], sums[2 * k + 1], count) : nan);
  }
}

// A warp per head. The records of all pairs hold the sums of positives and negatives together.
static __global__ void __launch_bounds__(kWarpThreads)
    pair_value_statistics_kernel(const double* positive_records, int64_t positive_parts,
                                 const double* all_records, int64_t all_parts, float* statistics) {
  const int64_t head = blockIdx.x;
  const PairRecordValues positive = total_record(positive_records, head, positive_parts);
  const PairRecordValues all = total_record(all_records, head, all_parts);
  if (threadIdx.x != 0) return;
  const double* of_positives = positive.values + kRecordPositive;
  const double* of_all = all.values + kRecordNegative;
  double of_negatives[4];
  for (int k = 0; k < 4; ++k) of_negatives[k] = of_all[k] - of_positives[k];
  const double positives = positive.values[kRecordPositives];
  const bool alone = all_parts == 0;
  float* out = statistics + head * int64_t{kPairStatistics};
  put_moments(of_positives, positives, out + kPositiveSimilarityMean);
  put_moments(of_negatives, alone ? 0.0 : all.values[kRecordNegatives] - positives,
              out + kNegativeSimilarityMean);
  const double* extremes = alone ? positive.values : all.values;
  out[kTemperatureMin] = static_cast<float>(extremes[kRecordTemperatureMin]);
  out[kTemperatureMax] = static_cast<float>(extremes[kRecordTemperatureMax]);
  out[kTemperatureAtBound] = static_cast<float>(positive.values[kRecordAtBound] / positives);
  out[kLogitAbsMax] = static_cast<float>(extremes[kRecordLogitAbsMax]);
}

}  // namespace amcl::cuda
