// The rows of a pair matrix on the device: one anchor of one head and its candidates, a warp per
// row, lanes at neighbouring candidates. The selection is that of engine/backend/plain/pair_rows.h.
#pragma once
#include <cmath>

#include "engine/backend/cuda/kernels/common.cuh"
#include "engine/backend/op_specs.h"
#include "engine/backend/pair_formulas.h"

namespace amcl::cuda {

// The arguments of both pair kernels.
template <class T>
struct PairCall {
  const T* s;               // [C, A, B]
  const T* r;               // [C, A, B]; null: the temperature is constant
  const int32_t* positive;  // [A]
  int64_t rows;             // C A
  int64_t anchors;
  int64_t candidates;
  PairLossSpec spec;
  PairLossFormulas<T> formulas;
};

template <class T>
struct WarpPairRow : AnchorCandidates {
  const T* s;
  const T* r;

  __device__ WarpPairRow(const PairCall<T>& call, int64_t row)
      : AnchorCandidates(call.spec, row % call.anchors, call.candidates,
                         call.positive[row % call.anchors]),
        s(call.s + row * call.candidates),
        r(call.r == nullptr ? nullptr : call.r + row * call.candidates) {}
  // Also of the places beyond the row where lanes of the last step are.
  __device__ bool includes(int64_t j) const {
    return j < candidates && AnchorCandidates::includes(j);
  }
};

// Numbers as unsigned integers in the same order, +0 = -0, NaN as infinity: a broken similarity
// ranks first, so that it reaches the loss.
__device__ inline uint32_t ordered_key(float value) {
  const uint32_t bits = float_bits(value == value ? value + 0.0f : INFINITY);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ inline uint64_t ordered_key(double value) {
  const uint64_t bits = double_bits(value == value ? value + 0.0 : static_cast<double>(INFINITY));
  return (bits >> 63) != 0 ? ~bits : bits | (uint64_t{1} << 63);
}

// The kappa most similar candidates of D(i): similarity descending, then index ascending. The key
// of the last of them is found bit by bit from the top, counting over the row, which is in the
// cache by then: 32 passes for any kappa, and no sorting.
template <class T>
class WarpSelection {
 public:
  using Key = decltype(ordered_key(T{}));

  __device__ WarpSelection(const WarpPairRow<T>& row, int64_t kappa, int lane)
      : row_(row), lane_(lane), threshold_(0) {
    for (int bit = static_cast<int>(8 * sizeof(Key)) - 1; bit >= 0; --bit) {
      const Key candidate = threshold_ | (Key{1} << bit);
      if (count_from(candidate) >= kappa) threshold_ = candidate;
    }
    // Of those that equal the threshold, as many as the greater ones leave room for. (Infinity is
    // not the greatest key, so that the next one exists.)
    room_ = kappa - count_from(threshold_ + 1);
  }

  // Whether candidate first + lane is selected; for the whole warp, `first` ascending in steps of
  // 32.
  __device__ bool next(int64_t first) {
    const int64_t j = first + lane_;
    const bool included = row_.includes(j);
    const Key key = included ? ordered_key(row_.s[j]) : Key{0};
    const bool equal = included && key == threshold_;
    const unsigned equals = __ballot_sync(kWholeWarp, equal ? 1 : 0);
    const bool fits = __popc(equals & ((1u << lane_) - 1u)) < room_;
    room_ -= __popc(equals);
    return included && (key > threshold_ || (equal && fits));
  }

 private:
  __device__ int64_t count_from(Key least) const {
    int count = 0;
    for (int64_t j = lane_; j < row_.candidates; j += kWarpThreads)
      count += row_.includes(j) && ordered_key(row_.s[j]) >= least ? 1 : 0;
    return team_sum<kWarpThreads>(count);
  }

  const WarpPairRow<T>& row_;
  int lane_;
  Key threshold_;
  int64_t room_;
};

}  // namespace amcl::cuda
