// Concat scores of the cpu backend in f32: r[c,i,j] = w2[c] . relu(a[c,i] + b[c,j]) + b2[c].
//
// The backward pass goes over the pairs twice: anchor by anchor for da and dw2, candidate by
// candidate (over a transposed copy of dr) for db. Sums over one row of pairs are in f32; dw2 and
// db2 add them up in f64, in chunks of anchors whose number depends on the shape only.
#include <algorithm>
#include <vector>

#include "engine/backend/cpu/concat_kernels.h"
#include "engine/backend/cpu/cpu_backend.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

constexpr int64_t kChunk = 16;  // anchors

// Extents of one call.
struct Extents {
  Extents(const Tensor& a, const Tensor& b, const Tensor& w2)
      : heads(a.dim(0)),
        anchors(a.dim(1)),
        candidates(b.dim(1)),
        hidden(a.dim(2)),
        shared(w2.dim(0) == 1),
        chunks((anchors + kChunk - 1) / kChunk) {}

  int64_t set(int64_t head) const { return shared ? 0 : head; }  // of w2 and b2
  // Rows of `pairs` pairs each that are worth a thread.
  int64_t row_grain(int64_t pairs) const {
    constexpr int64_t kUnitGrain = 65536;
    return std::max<int64_t>(1, kUnitGrain / std::max<int64_t>(1, pairs * hidden));
  }

  int64_t heads;
  int64_t anchors;
  int64_t candidates;
  int64_t hidden;
  bool shared;
  int64_t chunks;  // of anchors, per head
};

// gradient[k] = weights[k] active[k]
void weigh(const std::vector<float>& active, const float* weights, float* gradient) {
  for (size_t k = 0; k < active.size(); ++k) gradient[k] = weights[k] * active[k];
}

// da of all anchors; adds dw2 [hidden] and db2 of each chunk to its slot of sums [hidden + 1].
void backward_anchors(const Extents& extents, const Tensor& a, const Tensor& b, const Tensor& w2,
                      const Tensor& dr, Tensor& da, std::vector<double>& sums) {
  const int64_t hidden = extents.hidden;
  const int64_t grain = extents.row_grain(kChunk * extents.candidates);
  parallel_for(extents.heads * extents.chunks, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> active(static_cast<size_t>(hidden));
    std::vector<float> outputs(static_cast<size_t>(hidden));
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t head = chunk / extents.chunks;
      const int64_t first = chunk % extents.chunks * kChunk;
      double* chunk_sums = sums.data() + chunk * (hidden + 1);
      for (int64_t i = first; i < std::min(first + kChunk, extents.anchors); ++i) {
        const int64_t row = head * extents.anchors + i;
        const float* row_dr = dr.data<float>() + row * extents.candidates;
        concat_gradient_row(a.data<float>() + row * hidden,
                            b.data<float>() + head * extents.candidates * hidden, row_dr, hidden,
                            extents.candidates, active.data(), outputs.data());
        weigh(active, w2.data<float>() + extents.set(head) * hidden,
              da.data<float>() + row * hidden);
        for (int64_t k = 0; k < hidden; ++k)
          chunk_sums[k] += static_cast<double>(outputs[static_cast<size_t>(k)]);
        for (int64_t j = 0; j < extents.candidates; ++j)
          chunk_sums[hidden] += static_cast<double>(row_dr[j]);
      }
    }
  });
}

void backward_candidates(const Extents& extents, const Tensor& a, const Tensor& b, const Tensor& w2,
                         const Tensor& dr_transposed, Tensor& db) {
  const int64_t hidden = extents.hidden;
  const int64_t grain = extents.row_grain(extents.anchors);
  parallel_for(extents.heads * extents.candidates, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> active(static_cast<size_t>(hidden));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t head = row / extents.candidates;
      concat_gradient_row(b.data<float>() + row * hidden,
                          a.data<float>() + head * extents.anchors * hidden,
                          dr_transposed.data<float>() + row * extents.anchors, hidden,
                          extents.anchors, active.data(), nullptr);
      weigh(active, w2.data<float>() + extents.set(head) * hidden, db.data<float>() + row * hidden);
    }
  });
}

}  // namespace

void CpuBackend::concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
                               Tensor& r) {
  if (a.dtype() != DType::f32) return PlainBackend::concat_scores(a, b, w2, b2, r);
  const Extents extents(a, b, w2);
  const int64_t hidden = extents.hidden;
  const int64_t grain = extents.row_grain(extents.candidates);
  parallel_for(extents.heads * extents.anchors, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t head = row / extents.anchors;
      const int64_t set = extents.set(head);
      concat_score_row(a.data<float>() + row * hidden,
                       b.data<float>() + head * extents.candidates * hidden,
                       w2.data<float>() + set * hidden, hidden, extents.candidates,
                       b2.data<float>()[set], r.data<float>() + row * extents.candidates);
    }
  });
}

void CpuBackend::concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2,
                                        const Tensor& dr, Tensor& da, Tensor& db, Tensor& dw2,
                                        Tensor& db2) {
  if (a.dtype() != DType::f32)
    return PlainBackend::concat_scores_backward(a, b, w2, dr, da, db, dw2, db2);
  const Extents extents(a, b, w2);
  const int64_t hidden = extents.hidden;
  std::vector<double> sums(static_cast<size_t>(extents.heads * extents.chunks * (hidden + 1)));
  backward_anchors(extents, a, b, w2, dr, da, sums);
  Tensor dr_transposed =
      Tensor::empty(dr.device(), {extents.heads, extents.candidates, extents.anchors}, DType::f32);
  transpose(dr, dr_transposed);
  backward_candidates(extents, a, b, w2, dr_transposed, db);

  const int64_t chunks_of_set = extents.shared ? extents.heads * extents.chunks : extents.chunks;
  for (int64_t set = 0; set < w2.dim(0); ++set)
    for (int64_t k = 0; k <= hidden; ++k) {
      double total = 0.0;
      for (int64_t chunk = 0; chunk < chunks_of_set; ++chunk)
        total += sums[static_cast<size_t>((set * chunks_of_set + chunk) * (hidden + 1) + k)];
      float& target = k < hidden ? dw2.data<float>()[set * hidden + k] : db2.data<float>()[set];
      target = static_cast<float>(total);
    }
}

}  // namespace amcl
