// Scores of the concat form of the temperature net (spec S3.1, S3.6):
//   r[c,i,j] = w2 . relu(a[c,i] + b[c,j]) + b2
//
// FLOPs: 3 C A B h forward and 4 C A B h for each of da and db; bytes: a, b and r (dr) once per
// tile. C = 3, A = B = 1024, h = 64: 0.6 GFLOP forward, 1.6 backward; 10 and 27 us at 60 TFLOP/s in
// f32, which is the floor: relu between the sum and the product keeps it from the tensor cores.
// Tiles in shared memory as in a matrix product, 16 results per thread forward, 4 backward.
#pragma once
#include "engine/backend/cuda/kernels/common.cuh"

namespace amcl::cuda {

struct ConcatExtents {
  int64_t anchors;
  int64_t candidates;
  int64_t hidden;
  bool shared;  // w2 and b2 are the same for all heads
};

inline constexpr int kScoreTile = 64;   // anchors and candidates of a block
inline constexpr int kScoreUnits = 16;  // hidden units in shared memory at a time
inline constexpr int kScoreSide =
    16;  // threads along each side; a thread has every 16th of the tile
inline constexpr int kScoreEach = kScoreTile / kScoreSide;

// Rows [first, first + kScoreTile) x units [unit, unit + kScoreUnits) of x [rows, hidden]; 0
// outside.
template <class T>
__device__ void load_units(const T* x, int64_t first, int64_t rows, int64_t unit, int64_t hidden,
                           const SharedPointer<T>& tile) {
  const auto thread = static_cast<int>(threadIdx.y * kScoreSide + threadIdx.x);
  for (int slot = thread; slot < kScoreTile * kScoreUnits; slot += kScoreSide * kScoreSide) {
    const int row = slot / kScoreUnits;
    const int k = slot % kScoreUnits;
    const bool inside = first + row < rows && unit + k < hidden;
    tile[row * (kScoreUnits + 1) + k] = inside ? x[(first + row) * hidden + unit + k] : T(0);
  }
}

// blockIdx.x: candidates, .y: anchors, .z: head.
template <class T>
__global__ void __launch_bounds__(kScoreSide* kScoreSide)
    concat_scores_kernel(ConcatExtents e, const T* a, const T* b, const T* w2, const T* b2, T* r) {
  AMCL_SHARED(T, anchors, kScoreTile * (kScoreUnits + 1));
  AMCL_SHARED(T, candidates, kScoreTile * (kScoreUnits + 1));
  AMCL_SHARED(T, weights, kScoreUnits);
  const auto tx = static_cast<int>(threadIdx.x);
  const auto ty = static_cast<int>(threadIdx.y);
  const int64_t head = blockIdx.z;
  const int64_t set = e.shared ? 0 : head;
  const int64_t top = static_cast<int64_t>(blockIdx.y) * kScoreTile;
  const int64_t left = static_cast<int64_t>(blockIdx.x) * kScoreTile;
  T sums[kScoreEach][kScoreEach] = {};
  for (int64_t unit = 0; unit < e.hidden; unit += kScoreUnits) {
    load_units<T>(a + head * e.anchors * e.hidden, top, e.anchors, unit, e.hidden, anchors);
    load_units<T>(b + head * e.candidates * e.hidden, left, e.candidates, unit, e.hidden,
                  candidates);
    if (ty == 0) weights[tx] = unit + tx < e.hidden ? w2[set * e.hidden + unit + tx] : T(0);
    __syncthreads();
    AMCL_UNROLL
    for (int k = 0; k < kScoreUnits; ++k) {
      T of_anchor[kScoreEach];
      T of_candidate[kScoreEach];
      AMCL_UNROLL
      for (int m = 0; m < kScoreEach; ++m) {
        of_anchor[m] = anchors[(ty + m * kScoreSide) * (kScoreUnits + 1) + k];
        of_candidate[m] = candidates[(tx + m * kScoreSide) * (kScoreUnits + 1) + k];
      }
      const T weight = weights[k];
      AMCL_UNROLL
      for (int i = 0; i < kScoreEach; ++i) AMCL_UNROLL
      for (int j = 0; j < kScoreEach; ++j) {
        const T z = of_anchor[i] + of_candidate[j];
        sums[i][j] += weight * (z > T(0) ? z : T(0));
      }
    }
    __syncthreads();  // before the next units overwrite the tiles
  }
  const T bias = b2[set];
  for (int i = 0; i < kScoreEach; ++i)
    for (int j = 0; j < kScoreEach; ++j) {
      const int64_t anchor = top + ty + i * kScoreSide;
      const int64_t candidate = left + tx + j * kScoreSide;
      if (anchor < e.anchors && candidate < e.candidates)
        r[(head * e.anchors + anchor) * e.candidates + candidate] = sums[i][j] + bias;
    }
}

inline constexpr int kGradientTile = 32;  // rows of the own side, units, and rows of the other side
inline constexpr int kGradientRows = 8;   // threads along the own side; a thread has every 8th row
inline constexpr int kGradientEach = kGradientTile / kGradientRows;

// The gradient of one side: own [C, M, h] is a and other [C, N, h] is b, or with kOfCandidates the
// other way round; dr is [C, A, B] in both cases.
//   d_own[i, k] = w2[k] sum_j dr[i, j] (own[i, k] + other[j, k] > 0)
//   units[i, k] = sum_j dr[i, j] relu(own[i, k] + other[j, k]), whose sum over i is dw2; not with
//   kOfCandidates, where it would be the same again.
// blockIdx.x: own rows, .y: units, .z: head.
template <bool kOfCandidates, class T>
__global__ void __launch_bounds__(kGradientTile* kGradientRows)
    concat_gradient_kernel(ConcatExtents e, const T* own, const T* other, const T* w2, const T* dr,
                           T* d_own, T* units) {
  constexpr int kPitch = kGradientTile + 1;
  AMCL_SHARED(T, others, kGradientTile * kPitch);
  AMCL_SHARED(T, upstream, kGradientTile * kPitch);  // [own row, other row]
  const auto tx = static_cast<int>(threadIdx.x);
  const auto ty = static_cast<int>(threadIdx.y);
  const int64_t head = blockIdx.z;
  const int64_t own_rows = kOfCandidates ? e.candidates : e.anchors;
  const int64_t other_rows = kOfCandidates ? e.anchors : e.candidates;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kGradientTile;
  const int64_t unit = static_cast<int64_t>(blockIdx.y) * kGradientTile + tx;
  const bool has_unit = unit < e.hidden;
  T mine[kGradientEach];
  T active[kGradientEach] = {};
  T weighted[kGradientEach] = {};
  for (int m = 0; m < kGradientEach; ++m) {
    const int64_t row = first + ty + m * kGradientRows;
    mine[m] = has_unit && row < own_rows ? own[(head * own_rows + row) * e.hidden + unit] : T(0);
  }
  for (int64_t start = 0; start < other_rows; start += kGradientTile) {
    for (int m = ty; m < kGradientTile; m += kGradientRows) {
      const int64_t row = start + m;
      others[m * kPitch + tx] =
          has_unit && row < other_rows ? other[(head * other_rows + row) * e.hidden + unit] : T(0);
      // Neighbouring threads read neighbouring candidates.
      const int64_t anchor = kOfCandidates ? start + m : first + m;
      const int64_t candidate = kOfCandidates ? first + tx : start + tx;
      const bool inside = anchor < e.anchors && candidate < e.candidates;
      upstream[kOfCandidates ? tx * kPitch + m : m * kPitch + tx] =
          inside ? dr[(head * e.anchors + anchor) * e.candidates + candidate] : T(0);
    }
    __syncthreads();
    AMCL_UNROLL
    for (int j = 0; j < kGradientTile; ++j) {
      const T theirs = others[j * kPitch + tx];
      AMCL_UNROLL
      for (int m = 0; m < kGradientEach; ++m) {
        const T z = mine[m] + theirs;
        const T g = upstream[(ty + m * kGradientRows) * kPitch + j];
        active[m] += z > T(0) ? g : T(0);
        if constexpr (!kOfCandidates) weighted[m] += z > T(0) ? g * z : T(0);
      }
    }
    __syncthreads();  // before the next rows overwrite the tiles
  }
  const T weight = has_unit ? w2[(e.shared ? 0 : head * e.hidden) + unit] : T(0);
  for (int m = 0; m < kGradientEach; ++m) {
    const int64_t row = first + ty + m * kGradientRows;
    if (!has_unit || row >= own_rows) continue;
    const int64_t at = (head * own_rows + row) * e.hidden + unit;
    d_own[at] = weight * active[m];
    if constexpr (!kOfCandidates) units[at] = weighted[m];
  }
}

}  // namespace amcl::cuda
