// Scores of the concat form of the temperature net (spec S3.1, S3.6):
//   r[c,i,j] = w2[c] . relu(a[c,i] + b[c,j]) + b2[c];  w2 and b2 may be shared by the heads.
// Sums run in f64 in the order of the indices.
#include <algorithm>
#include <vector>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Pointers and extents of one call.
template <class T>
struct Scores {
  Scores(const Tensor& a_tensor, const Tensor& b_tensor, const Tensor& w2_tensor)
      : a(a_tensor.data<T>()),
        b(b_tensor.data<T>()),
        w2(w2_tensor.data<T>()),
        heads(a_tensor.dim(0)),
        anchors(a_tensor.dim(1)),
        candidates(b_tensor.dim(1)),
        hidden(a_tensor.dim(2)),
        shared(w2_tensor.dim(0) == 1) {}

  const T* a_row(int64_t head, int64_t i) const { return a + (head * anchors + i) * hidden; }
  const T* b_row(int64_t head, int64_t j) const { return b + (head * candidates + j) * hidden; }
  int64_t set(int64_t head) const { return shared ? 0 : head; }  // of w2 and b2
  const T* weights(int64_t head) const { return w2 + set(head) * hidden; }
  int64_t pair(int64_t head, int64_t i, int64_t j) const {
    return (head * anchors + i) * candidates + j;
  }

  const T* a;
  const T* b;
  const T* w2;
  int64_t heads;
  int64_t anchors;
  int64_t candidates;
  int64_t hidden;
  bool shared;

  // Rows of `pairs` pairs each that are worth a thread.
  int64_t row_grain(int64_t pairs) const {
    constexpr int64_t kUnitGrain = 16384;
    return std::max<int64_t>(1, kUnitGrain / std::max<int64_t>(1, pairs * hidden));
  }
};

// row[k] += w2[k] sum over the pairs of one row, where the unit is active.
template <class T>
void add_active(const T* fixed, const T* other, const T* weights, T dr, int64_t hidden,
                std::vector<double>& row) {
  for (int64_t k = 0; k < hidden; ++k)
    if (fixed[k] + other[k] > T(0))
      row[static_cast<size_t>(k)] += static_cast<double>(dr) * static_cast<double>(weights[k]);
}

template <class T>
void store(const std::vector<double>& row, T* out) {
  for (size_t k = 0; k < row.size(); ++k) out[k] = static_cast<T>(row[k]);
}

// The share of one head in dw2 [h] and db2, the last element of the result.
template <class T>
std::vector<double> weight_gradient(const Scores<T>& scores, const T* dr, int64_t head) {
  std::vector<double> sums(static_cast<size_t>(scores.hidden) + 1);
  for (int64_t i = 0; i < scores.anchors; ++i)
    for (int64_t j = 0; j < scores.candidates; ++j) {
      const T* a = scores.a_row(head, i);
      const T* b = scores.b_row(head, j);
      const auto upstream = static_cast<double>(dr[scores.pair(head, i, j)]);
      for (int64_t k = 0; k < scores.hidden; ++k)
        sums[static_cast<size_t>(k)] += upstream * static_cast<double>(std::max(a[k] + b[k], T(0)));
      sums.back() += upstream;
    }
  return sums;
}

}  // namespace

void PlainBackend::concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2,
                                 const Tensor& b2, Tensor& r) {
  dispatch_floating(a.dtype(), [&]<class T>(T) {
    const Scores<T> scores(a, b, w2);
    const T* bias = b2.data<T>();
    T* out = r.data<T>();
    const int64_t grain = scores.row_grain(scores.candidates);
    parallel_for(scores.heads * scores.anchors, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t head = row / scores.anchors;
        const T* weights = scores.weights(head);
        const T* ai = scores.a + row * scores.hidden;
        for (int64_t j = 0; j < scores.candidates; ++j) {
          const T* bj = scores.b_row(head, j);
          auto sum = static_cast<double>(bias[scores.set(head)]);
          for (int64_t k = 0; k < scores.hidden; ++k)
            sum += static_cast<double>(weights[k]) *
                   static_cast<double>(std::max(ai[k] + bj[k], T(0)));
          out[row * scores.candidates + j] = static_cast<T>(sum);
        }
      }
    });
  });
}

void PlainBackend::concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2,
                                          const Tensor& dr, Tensor& da, Tensor& db, Tensor& dw2,
                                          Tensor& db2) {
  dispatch_floating(a.dtype(), [&]<class T>(T) {
    const Scores<T> scores(a, b, w2);
    const T* upstream = dr.data<T>();
    T* out_a = da.data<T>();
    T* out_b = db.data<T>();
    const auto hidden = static_cast<size_t>(scores.hidden);
    const int64_t anchor_grain = scores.row_grain(scores.candidates);
    const int64_t candidate_grain = scores.row_grain(scores.anchors);
    parallel_for(scores.heads * scores.anchors, anchor_grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t head = row / scores.anchors;
        std::vector<double> sums(hidden);
        for (int64_t j = 0; j < scores.candidates; ++j)
          add_active(scores.a + row * scores.hidden, scores.b_row(head, j), scores.weights(head),
                     upstream[row * scores.candidates + j], scores.hidden, sums);
        store(sums, out_a + row * scores.hidden);
      }
    });
    parallel_for(scores.heads * scores.candidates, candidate_grain,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t row = begin; row < end; ++row) {
                     const int64_t head = row / scores.candidates;
                     const int64_t j = row % scores.candidates;
                     std::vector<double> sums(hidden);
                     for (int64_t i = 0; i < scores.anchors; ++i)
                       add_active(scores.b + row * scores.hidden, scores.a_row(head, i),
                                  scores.weights(head), upstream[scores.pair(head, i, j)],
                                  scores.hidden, sums);
                     store(sums, out_b + row * scores.hidden);
                   }
                 });
    std::vector<std::vector<double>> heads(static_cast<size_t>(scores.heads));
    parallel_for(scores.heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t head = begin; head < end; ++head)
        heads[static_cast<size_t>(head)] = weight_gradient(scores, upstream, head);
    });
    if (scores.shared)
      for (size_t head = 1; head < heads.size(); ++head)
        for (size_t k = 0; k <= hidden; ++k) heads[0][k] += heads[head][k];
    for (int64_t set = 0; set < w2.dim(0); ++set) {
      std::vector<double>& sums = heads[static_cast<size_t>(set)];
      db2.data<T>()[set] = static_cast<T>(sums.back());
      sums.pop_back();
      store(sums, dw2.data<T>() + set * scores.hidden);
    }
  });
}

}  // namespace amcl
