// Pairs of anchors and candidates: temperatures, concat scores and the loss over a pair matrix
// (spec S3, S4). The formulas of one pair are in engine/backend/pair_formulas.h.
//
// A row is one anchor of one head. Rows are independent: they run on all threads, and what they
// contribute to sums over rows is added afterwards in the order of the rows, in f64.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/backend/pair_formulas.h"
#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kElementGrain = 4096;
constexpr int64_t kRowGrain = 8;  // anchors per thread at least

// PairLossSpec in the number type of the kernel.
template <class T>
struct PairFormulas {
  explicit PairFormulas(const PairLossSpec& spec)
      : adaptive(spec.adaptive),
        constant(static_cast<T>(spec.temperature)),
        scored(spec.range),
        positive(spec.beta_positive, spec.a_positive),
        negative(spec.beta_negative, spec.a_negative),
        anchor(spec.anchor_beta, spec.anchor_a) {}

  ScoredTemperature<T> temperature(const T* r, int64_t j) const {
    return adaptive ? scored(r[j]) : ScoredTemperature<T>{constant, T(0)};
  }

  bool adaptive;
  T constant;
  TemperatureFormula<T> scored;
  OmegaFormula<T> positive;
  OmegaFormula<T> negative;
  OmegaFormula<T> anchor;
};

// One anchor and its candidates; r is null where the temperature is constant.
template <class T>
struct PairRow {
  const T* s;
  const T* r;
  int64_t candidates;
  int64_t positive;
  int64_t self;  // -1: not among the candidates

  // The size of D(i).
  int64_t denominator(const PairLossSpec& spec) const {
    return candidates - (self >= 0 ? 1 : 0) - (spec.with_positive ? 0 : 1);
  }
};

template <class T>
PairRow<T> row_of(const Tensor& s, const Tensor& r, const Tensor& positive,
                  const PairLossSpec& spec, int64_t row) {
  const int64_t anchor = row % s.dim(1);
  const int64_t candidates = s.dim(2);
  // kNoSelf is so small that the sum stays negative.
  const int64_t self = anchor + spec.self_offset;
  return {.s = s.data<T>() + row * candidates,
          .r = spec.adaptive ? r.data<T>() + row * candidates : nullptr,
          .candidates = candidates,
          .positive = positive.data<int32_t>()[anchor],
          .self = self < candidates ? std::max<int64_t>(self, -1) : -1};
}

// The kappa most similar candidates of D(i): similarity descending, then index ascending, in no
// particular order among themselves. NaN ranks first, so that a broken similarity reaches the loss
// instead of breaking the order. `indices` is scratch that keeps its memory from row to row.
template <class T>
std::span<const int64_t> most_similar(const PairRow<T>& row, const PairLossSpec& spec,
                                      std::vector<int64_t>& indices) {
  indices.clear();
  for (int64_t j = 0; j < row.candidates; ++j)
    if (j != row.self && (spec.with_positive || j != row.positive)) indices.push_back(j);
  const int64_t wanted = spec.reducer == PairReducer::hard ? 1 : spec.topk;
  const auto kappa = static_cast<size_t>(std::min(wanted, row.denominator(spec)));
  const auto rank = [&](int64_t j) {
    return std::isnan(row.s[j]) ? std::numeric_limits<T>::infinity() : row.s[j];
  };
  const auto before = [&](int64_t j, int64_t k) {
    return rank(j) != rank(k) ? rank(j) > rank(k) : j < k;
  };
  if (kappa < indices.size())
    std::nth_element(indices.begin(), indices.begin() + static_cast<int64_t>(kappa) - 1,
                     indices.end(), before);
  std::sort(indices.begin(), indices.begin() + static_cast<int64_t>(kappa));
  return std::span<const int64_t>(indices).first(kappa);
}

// Sums over the pairs of one anchor, for the statistics.
struct PairSums {
  double similarity = 0.0;
  double similarity_squares = 0.0;
  double temperature = 0.0;
  double temperature_squares = 0.0;

  void add(double s, double tau) {
    similarity += s;
    similarity_squares += s * s;
    temperature += tau;
    temperature_squares += tau * tau;
  }
  void add(const PairSums& other) {
    similarity += other.similarity;
    similarity_squares += other.similarity_squares;
    temperature += other.temperature;
    temperature_squares += other.temperature_squares;
  }
};

struct RowStatistics {
  PairSums positive;
  PairSums negative;
  int64_t negatives = 0;
  int64_t at_bound = 0;
  double temperature_min = std::numeric_limits<double>::infinity();
  double temperature_max = 0.0;
  double logit_abs_max = 0.0;
};

// Scratch of one thread: the row's temperatures and logits.
template <class T>
struct RowScratch {
  explicit RowScratch(int64_t candidates)
      : tau(static_cast<size_t>(candidates)), logit(static_cast<size_t>(candidates)) {}

  std::vector<T> tau;
  std::vector<T> logit;
  std::vector<int64_t> indices;
};

template <class T>
void fill_logits(const PairRow<T>& row, const PairFormulas<T>& formulas, RowScratch<T>& scratch) {
  T* tau = scratch.tau.data();
  T* logit = scratch.logit.data();
  for (int64_t j = 0; j < row.candidates; ++j) {
    tau[j] = formulas.temperature(row.r, j).tau;
    logit[j] = formulas.negative.logit(row.s[j], tau[j]);
  }
  logit[row.positive] = formulas.positive.logit(row.s[row.positive], tau[row.positive]);
}

template <class T>
RowStatistics statistics_of(const PairRow<T>& row, const PairLossSpec& spec,
                            const RowScratch<T>& scratch) {
  RowStatistics result;
  const double margin = spec.adaptive ? 1e-3 * (spec.range.high - spec.range.low) : -1.0;
  for (int64_t j = 0; j < row.candidates; ++j) {
    if (j == row.self) continue;
    const double tau = static_cast<double>(scratch.tau[static_cast<size_t>(j)]);
    const double logit = static_cast<double>(scratch.logit[static_cast<size_t>(j)]);
    PairSums& sums = j == row.positive ? result.positive : result.negative;
    sums.add(static_cast<double>(row.s[j]), tau);
    result.negatives += j == row.positive ? 0 : 1;
    result.at_bound += tau - spec.range.low <= margin || spec.range.high - tau <= margin ? 1 : 0;
    result.temperature_min = std::min(result.temperature_min, tau);
    result.temperature_max = std::max(result.temperature_max, tau);
    result.logit_abs_max = std::max(result.logit_abs_max, std::abs(logit));
  }
  return result;
}

// Red of S4.3 and, for the log-sum-exp, the value that the backward pass starts from.
template <class T>
T reduce(const PairRow<T>& row, const PairLossSpec& spec, RowScratch<T>& scratch) {
  const T* logit = scratch.logit.data();
  double sum = 0.0;
  if (spec.reducer != PairReducer::lse) {
    const auto selected = most_similar(row, spec, scratch.indices);
    for (const int64_t j : selected) sum += static_cast<double>(logit[j]);
    return static_cast<T>(sum / static_cast<double>(selected.size()));
  }
  const auto included = [&](int64_t j) {
    return j != row.self && (spec.with_positive || j != row.positive);
  };
  T shift = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < row.candidates; ++j)
    if (included(j)) shift = std::max(shift, logit[j]);
  for (int64_t j = 0; j < row.candidates; ++j)
    if (included(j)) sum += static_cast<double>(std::exp(logit[j] - shift));
  return static_cast<T>(static_cast<double>(shift) + std::log(sum));
}

double deviation(double sum, double squares, double count) {
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

// The statistics of one head from those of its rows.
void summarize(std::span<const RowStatistics> rows, const PairLossSpec& spec, float* out) {
  RowStatistics all;
  for (const RowStatistics& row : rows) {
    all.positive.add(row.positive);
    all.negative.add(row.negative);
    all.negatives += row.negatives;
    all.at_bound += row.at_bound;
    all.temperature_min = std::min(all.temperature_min, row.temperature_min);
    all.temperature_max = std::max(all.temperature_max, row.temperature_max);
    all.logit_abs_max = std::max(all.logit_abs_max, row.logit_abs_max);
  }
  const auto positives = static_cast<double>(rows.size());
  const auto negatives = static_cast<double>(std::max<int64_t>(all.negatives, 1));
  const auto put = [&](PairStatistic statistic, double value) {
    out[statistic] = static_cast<float>(value);
  };
  const auto put_moments = [&](PairStatistic mean, PairStatistic std, double sum, double squares,
                               double count) {
    put(mean, sum / count);
    put(std, deviation(sum, squares, count));
  };
  put_moments(kPositiveSimilarityMean, kPositiveSimilarityStd, all.positive.similarity,
              all.positive.similarity_squares, positives);
  put_moments(kNegativeSimilarityMean, kNegativeSimilarityStd, all.negative.similarity,
              all.negative.similarity_squares, negatives);
  put_moments(kPositiveTemperatureMean, kPositiveTemperatureStd, all.positive.temperature,
              all.positive.temperature_squares, positives);
  put_moments(kNegativeTemperatureMean, kNegativeTemperatureStd, all.negative.temperature,
              all.negative.temperature_squares, negatives);
  put(kTemperatureMin, all.temperature_min);
  put(kTemperatureMax, all.temperature_max);
  put(kTemperatureAtBound, spec.adaptive ? static_cast<double>(all.at_bound) /
                                               (positives + static_cast<double>(all.negatives))
                                         : 0.0);
  put(kLogitAbsMax, all.logit_abs_max);
}

// Gradients of the loss of one anchor, times its cotangent dloss.
template <class T>
class PairGradient {
 public:
  PairGradient(const PairRow<T>& row, const PairFormulas<T>& formulas, T* ds, T* nullable_dr)
      : row_(row), formulas_(formulas), ds_(ds), dr_(nullable_dr) {}

  void clear(int64_t j) const { set(j, T(0), T(0)); }
  // dl = dL/dl of the negative pair j.
  void negative(int64_t j, T dl) const {
    const auto [tau, slope] = formulas_.temperature(row_.r, j);
    set(j, dl / tau, dl * formulas_.negative.logit_derivative(row_.s[j], tau) * slope);
  }
  // The same for the positive pair, which also carries the regulariser outside the logits.
  void positive(T dl, T dloss) const {
    const int64_t j = row_.positive;
    const auto [tau, slope] = formulas_.temperature(row_.r, j);
    const T dtau = dl * formulas_.positive.logit_derivative(row_.s[j], tau) +
                   dloss * formulas_.anchor.omega_derivative(tau);
    set(j, dl / tau, dtau * slope);
  }

 private:
  void set(int64_t j, T ds, T dr) const {
    ds_[j] = ds;
    if (dr_ != nullptr) dr_[j] = dr;
  }

  const PairRow<T>& row_;
  const PairFormulas<T>& formulas_;
  T* ds_;
  T* dr_;
};

template <class T>
void backward_lse(const PairRow<T>& row, const PairFormulas<T>& formulas, const PairLossSpec& spec,
                  T lse, T dloss, const PairGradient<T>& gradient) {
  for (int64_t j = 0; j < row.candidates; ++j) {
    const T logit = formulas.negative.logit(row.s[j], formulas.temperature(row.r, j).tau);
    gradient.negative(j, dloss * std::exp(logit - lse));
  }
  if (row.self >= 0) gradient.clear(row.self);
  T weight = T(-1);
  if (spec.with_positive) {
    const T tau = formulas.temperature(row.r, row.positive).tau;
    weight += std::exp(formulas.positive.logit(row.s[row.positive], tau) - lse);
  }
  gradient.positive(dloss * weight, dloss);
}

template <class T>
void backward_selected(const PairRow<T>& row, const PairLossSpec& spec, T dloss,
                       std::vector<int64_t>& indices, const PairGradient<T>& gradient) {
  for (int64_t j = 0; j < row.candidates; ++j) gradient.clear(j);
  const auto selected = most_similar(row, spec, indices);
  const T share = T(1) / static_cast<T>(selected.size());
  T weight = T(-1);
  for (const int64_t j : selected) {
    if (j == row.positive)
      weight += share;
    else
      gradient.negative(j, dloss * share);
  }
  gradient.positive(dloss * weight, dloss);
}

}  // namespace

void PlainBackend::temperature(const Tensor& r, const TemperatureRange& range, Tensor& tau) {
  dispatch_floating(r.dtype(), [&]<class T>(T) {
    const TemperatureFormula<T> formula(range);
    const T* in = r.data<T>();
    T* out = tau.data<T>();
    parallel_for(r.count(), kElementGrain, [=](int64_t begin, int64_t end) {
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
    parallel_for(r.count(), kElementGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = upstream[i] * formula(in[i]).slope;
    });
  });
}

void PlainBackend::pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                             const PairLossSpec& spec, Tensor& loss, Tensor& lse,
                             Tensor& statistics) {
  const int64_t heads = s.dim(0);
  const int64_t anchors = s.dim(1);
  std::vector<RowStatistics> rows(static_cast<size_t>(heads * anchors));
  dispatch_floating(s.dtype(), [&]<class T>(T) {
    const PairFormulas<T> formulas(spec);
    T* losses = loss.data<T>();
    T* reduced = lse.data<T>();
    parallel_for(heads * anchors, kRowGrain, [&](int64_t begin, int64_t end) {
      RowScratch<T> scratch(s.dim(2));
      for (int64_t row = begin; row < end; ++row) {
        const PairRow<T> pairs = row_of<T>(s, nullable_r, positive, spec, row);
        fill_logits(pairs, formulas, scratch);
        const auto at_positive = static_cast<size_t>(pairs.positive);
        reduced[row] = reduce(pairs, spec, scratch);
        losses[row] = reduced[row] - scratch.logit[at_positive];
        if (spec.anchor_beta != 0.0) losses[row] += formulas.anchor.omega(scratch.tau[at_positive]);
        rows[static_cast<size_t>(row)] = statistics_of(pairs, spec, scratch);
      }
    });
  });
  for (int64_t head = 0; head < heads; ++head)
    summarize(
        std::span(rows).subspan(static_cast<size_t>(head * anchors), static_cast<size_t>(anchors)),
        spec, statistics.data<float>() + head * kPairStatistics);
}

void PlainBackend::pair_loss_backward(const Tensor& s, const Tensor& nullable_r,
                                      const Tensor& positive, const PairLossSpec& spec,
                                      const Tensor& lse, const Tensor& dloss, Tensor& ds,
                                      Tensor& nullable_dr) {
  dispatch_floating(s.dtype(), [&]<class T>(T) {
    const PairFormulas<T> formulas(spec);
    const int64_t candidates = s.dim(2);
    const T* reduced = lse.data<T>();
    const T* upstream = dloss.data<T>();
    T* out_s = ds.data<T>();
    T* out_r = nullable_dr.defined() ? nullable_dr.data<T>() : nullptr;
    parallel_for(s.dim(0) * s.dim(1), kRowGrain, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> indices;
      for (int64_t row = begin; row < end; ++row) {
        const PairRow<T> pairs = row_of<T>(s, nullable_r, positive, spec, row);
        const int64_t at = row * candidates;
        const PairGradient<T> gradient(pairs, formulas, out_s + at,
                                       out_r == nullptr ? nullptr : out_r + at);
        if (spec.reducer == PairReducer::lse)
          backward_lse(pairs, formulas, spec, reduced[row], upstream[row], gradient);
        else
          backward_selected(pairs, spec, upstream[row], indices, gradient);
      }
    });
  });
}

}  // namespace amcl
