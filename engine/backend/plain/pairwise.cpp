// Pairs of anchors and candidates: temperatures and the loss over a pair matrix (spec S3, S4). The
// formulas of one pair are in engine/backend/pair_formulas.h, concat scores in concat_scores.cpp.
//
// A row is one anchor of one head. Rows are independent: they run on all threads, and each writes
// what it contributes to the statistics to a record of its own.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/backend/pair_formulas.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/pair_rows.h"
#include "engine/backend/plain/pair_statistics.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kPairGrain = 2048;  // pairs that are worth a thread

int64_t row_grain(const Tensor& s) {
  return std::max<int64_t>(1, kPairGrain / s.dim(2));
}

// Scratch of one thread: the row's temperatures and logits.
template <class T>
struct RowScratch {
  explicit RowScratch(int64_t candidates)
      : tau(static_cast<size_t>(candidates)), logit(static_cast<size_t>(candidates)) {}

  std::vector<T> tau;
  std::vector<T> logit;
  MostSimilar<T> most_similar;
};

template <class T>
void fill_logits(const PairRow<T>& row, const PairLossFormulas<T>& formulas,
                 RowScratch<T>& scratch) {
  T* tau = scratch.tau.data();
  T* logit = scratch.logit.data();
  for (int64_t j = 0; j < row.candidates; ++j) {
    tau[j] = formulas.temperature(row.r, j).tau;
    logit[j] = formulas.negative.logit(row.s[j], tau[j]);
  }
  logit[row.positive] = formulas.positive.logit(row.s[row.positive], tau[row.positive]);
}

template <class T>
PairRowStatistics statistics_of(const PairRow<T>& row, const PairLossSpec& spec,
                                const RowScratch<T>& scratch) {
  PairRowStatistics result;
  for (int64_t j = 0; j < row.candidates; ++j) {
    if (j == row.self) continue;
    const auto tau = static_cast<double>(scratch.tau[static_cast<size_t>(j)]);
    const auto s = static_cast<double>(row.s[j]);
    (j == row.positive ? result.positive : result.negative).add(s, tau);
    ++(j == row.positive ? result.positives : result.negatives);
    result.add_extremes(tau, static_cast<double>(scratch.logit[static_cast<size_t>(j)]), spec);
  }
  return result;
}

// Red of S4.3; for the log-sum-exp it is what the backward pass starts from.
template <class T>
T reduce(const PairRow<T>& row, const PairLossSpec& spec, RowScratch<T>& scratch) {
  const T* logit = scratch.logit.data();
  double sum = 0.0;
  if (spec.reducer != PairReducer::lse) {
    const auto selected = scratch.most_similar(row, spec);
    for (const int64_t j : selected) sum += static_cast<double>(logit[j]);
    return static_cast<T>(sum / static_cast<double>(selected.size()));
  }
  T shift = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < row.candidates; ++j)
    if (row.includes(j)) shift = std::max(shift, logit[j]);
  for (int64_t j = 0; j < row.candidates; ++j)
    if (row.includes(j)) sum += static_cast<double>(std::exp(logit[j] - shift));
  return static_cast<T>(static_cast<double>(shift) + std::log(sum));
}

template <class T>
void backward_lse(const PairRow<T>& row, const PairLossSpec& spec, T lse,
                  const PairGradient<T>& gradient) {
  for (int64_t j = 0; j < row.candidates; ++j) gradient.softmax(j, lse);
  if (row.self >= 0) gradient.clear(row.self);
  gradient.put(row.positive, spec.with_positive ? gradient.positive_softmax(lse) : T(0));
}

template <class T>
void backward_selected(const PairRow<T>& row, const PairLossSpec& spec,
                       MostSimilar<T>& most_similar, const PairGradient<T>& gradient) {
  for (int64_t j = 0; j < row.candidates; ++j) gradient.clear(j);
  const auto selected = most_similar(row, spec);
  const T share = T(1) / static_cast<T>(selected.size());
  T positive_weight = T(0);
  for (const int64_t j : selected) {
    if (j == row.positive)
      positive_weight = share;
    else
      gradient.put(j, share);
  }
  gradient.put(row.positive, positive_weight);
}

}  // namespace

void PlainBackend::temperature(const Tensor& r, const TemperatureRange& range, Tensor& tau) {
  dispatch_floating(r.dtype(), [&]<class T>(T) {
    const TemperatureFormula<T> formula(range);
    const T* in = r.data<T>();
    T* out = tau.data<T>();
    parallel_for(r.count(), kPairGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = formula(in[i]).tau;
    });
  });
}

void PlainBackend::temperature_backward(const Tensor& r, const TemperatureRange& range,
                                        const Tensor& dtau, Tensor& dr) {
  dispatch_floating(r.dtype(), [&]<class T>(T) {
    const TemperatureFormula<T> formula(range);
    const T* in = r.data<T>();
    const T* upstream = dtau.data<T>();
    T* out = dr.data<T>();
    parallel_for(r.count(), kPairGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = upstream[i] * formula(in[i]).slope;
    });
  });
}

void PlainBackend::pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                             const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) {
  double* record = records.data<double>();
  dispatch_floating(s.dtype(), [&]<class T>(T) {
    const PairLossFormulas<T> formulas(spec);
    T* losses = loss.data<T>();
    T* reduced = lse.data<T>();
    parallel_for(s.dim(0) * s.dim(1), row_grain(s), [&](int64_t begin, int64_t end) {
      RowScratch<T> scratch(s.dim(2));
      for (int64_t i = begin; i < end; ++i) {
        const PairRow<T> row = pair_row<T>(s, nullable_r, positive, spec, i);
        fill_logits(row, formulas, scratch);
        reduced[i] = reduce(row, spec, scratch);
        const auto at_positive = static_cast<size_t>(row.positive);
        losses[i] = reduced[i] - scratch.logit[at_positive] +
                    formulas.anchor.omega(scratch.tau[at_positive]);
        statistics_of(row, spec, scratch).write(record + i * kPairRecord);
      }
    });
  });
}

void PlainBackend::pair_loss_backward(const Tensor& s, const Tensor& nullable_r,
                                      const Tensor& positive, const PairLossSpec& spec,
                                      const Tensor& lse, const Tensor& dloss, Tensor& ds,
                                      Tensor& nullable_dr) {
  dispatch_floating(s.dtype(), [&]<class T>(T) {
    const PairLossFormulas<T> formulas(spec);
    const T* reduced = lse.data<T>();
    const T* upstream = dloss.data<T>();
    parallel_for(s.dim(0) * s.dim(1), row_grain(s), [&](int64_t begin, int64_t end) {
      MostSimilar<T> most_similar;
      for (int64_t i = begin; i < end; ++i) {
        const PairRow<T> row = pair_row<T>(s, nullable_r, positive, spec, i);
        const PairGradient<T> gradient(row, formulas, upstream[i], row_pointer<T>(ds, i),
                                       row_pointer<T>(nullable_dr, i));
        if (spec.reducer == PairReducer::lse)
          backward_lse(row, spec, reduced[i], gradient);
        else
          backward_selected(row, spec, most_similar, gradient);
      }
    });
  });
}

}  // namespace amcl
