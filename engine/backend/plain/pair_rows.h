// The rows of a pair matrix as pair_loss sees them: the selection of the most similar candidates and
// the gradients pair by pair. Used by the plain and the cpu backend.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "engine/backend/op_specs.h"
#include "engine/backend/pair_formulas.h"
#include "engine/core/tensor.h"

namespace amcl {

// One anchor and its candidates; r is null where the temperature is constant.
template <class T>
struct PairRow : AnchorCandidates {
  const T* s;
  const T* r;
};

// Row `row` of s, r [C, A, B] seen as [C * A, B].
template <class T>
PairRow<T> pair_row(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                    const PairLossSpec& spec, int64_t row) {
  const int64_t anchor = row % s.dim(1);
  const int64_t candidates = s.dim(2);
  return {AnchorCandidates(spec, anchor, candidates, positive.data<int32_t>()[anchor]),
          s.data<T>() + row * candidates,
          spec.adaptive ? nullable_r.data<T>() + row * candidates : nullptr};
}

// Finds the kappa most similar candidates of D(i): similarity descending, then index ascending. NaN
// ranks first, so that a broken similarity reaches the loss. Keeps its memory from row to row.
template <class T>
class MostSimilar {
 public:
  // The selected candidates by ascending index, valid until the next call.
  std::span<const int64_t> operator()(const PairRow<T>& row, const PairLossSpec& spec) {
    const int64_t kappa = row.selection_size(spec);
    selected_.clear();
    if (kappa == 1) {
      selected_.push_back(most_similar(row));
      return selected_;
    }
    ranks_.clear();
    for (int64_t j = 0; j < row.candidates; ++j)
      if (row.includes(j)) ranks_.push_back(rank(row.s[j]));
    const auto last = ranks_.begin() + (kappa - 1);
    std::nth_element(ranks_.begin(), last, ranks_.end(), std::greater<T>());
    const T threshold = *last;
    // Of those that equal the threshold, as many as the greater ones leave room for.
    int64_t room = kappa - std::count_if(ranks_.begin(), last,
                                         [=](T candidate) { return candidate > threshold; });
    for (int64_t j = 0; j < row.candidates; ++j) {
      if (!row.includes(j)) continue;
      const T candidate = rank(row.s[j]);
      if (candidate > threshold || (candidate == threshold && room-- > 0)) selected_.push_back(j);
    }
    return selected_;
  }

 private:
  static T rank(T similarity) {
    return std::isnan(similarity) ? std::numeric_limits<T>::infinity() : similarity;
  }
  // The first of D(i) with the greatest rank.
  static int64_t most_similar(const PairRow<T>& row) {
    int64_t best = -1;
    T best_rank = T(0);
    for (int64_t j = 0; j < row.candidates; ++j) {
      const T candidate = rank(row.s[j]);
      if ((best >= 0 && candidate <= best_rank) || !row.includes(j)) continue;
      best = j;
      best_rank = candidate;
    }
    return best;
  }

  std::vector<T> ranks_;
  std::vector<int64_t> selected_;
};

// Row `row` of a matrix [C, A, B] seen as [C * A, B]; null for an empty tensor.
template <class T>
T* row_pointer(Tensor& matrix, int64_t row) {
  return matrix.defined() ? matrix.data<T>() + row * matrix.dim(2) : nullptr;
}

// Writes the gradients of the loss of one anchor, whose cotangent is dloss, pair by pair.
template <class T>
class PairGradient {
 public:
  PairGradient(const PairRow<T>& row, const PairLossFormulas<T>& formulas, T dloss, T* ds,
               T* nullable_dr)
      : row_(row), formulas_(formulas), dloss_(dloss), ds_(ds), dr_(nullable_dr) {}

  void clear(int64_t j) const { set(j, T(0), T(0)); }
  // The pair j, whose weight in the reduced logits is `weight`.
  void put(int64_t j, T weight) const { put(j, weight, formulas_.temperature(row_.r, j)); }
  // The negative j with its softmax weight.
  void softmax(int64_t j, T lse) const {
    const ScoredTemperature<T> at = formulas_.temperature(row_.r, j);
    put(j, std::exp(formulas_.negative.logit(row_.s[j], at.tau) - lse), at);
  }
  T positive_softmax(T lse) const {
    const T tau = formulas_.temperature(row_.r, row_.positive).tau;
    return std::exp(formulas_.positive.logit(row_.s[row_.positive], tau) - lse);
  }

 private:
  void put(int64_t j, T weight, const ScoredTemperature<T>& at) const {
    const PairDerivatives<T> of =
        formulas_.derivatives(j == row_.positive, row_.s[j], at, weight, dloss_);
    set(j, of.ds, of.dr);
  }
  void set(int64_t j, T ds, T dr) const {
    ds_[j] = ds;
    if (dr_ != nullptr) dr_[j] = dr;
  }

  const PairRow<T>& row_;
  const PairLossFormulas<T>& formulas_;
  T dloss_;
  T* ds_;
  T* dr_;
};

}  // namespace amcl
