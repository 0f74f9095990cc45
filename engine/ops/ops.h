// Every differentiable operation: the table of contents. Each is defined in the .cpp named above
// its section; its formula, backward and reasons are there. All check shapes and dtypes, throw
// Error(usage) naming the op, the rule and what was given, and record themselves on the open tape.
// Mixed dtypes throw; nothing is promoted silently.
#pragma once
#include <span>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/backend/op_specs.h"
#include "engine/core/tensor.h"

namespace amcl {

enum class Phase { train, eval };

// ---- elementwise.cpp ----------------------------------------------------------------------------

// b is shaped as a, or holds one element, or is [n] for a [..., n], or [B, n] for a [B, M, n].
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor affine(const Tensor& x, double scale, double shift);  // scale x + shift
Tensor scale(const Tensor& x, double factor);
Tensor relu(const Tensor& x);  // derivative 0 at 0
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor square(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cast(const Tensor& x, DType dtype);  // between f64, f32, bf16; the gradient is cast back
// tau = low + (high - low) sigmoid(-(r + bias)); needs 0 < low < high (spec S3.2).
Tensor temperature(const Tensor& r, const TemperatureRange& range);

// ---- reduce.cpp ---------------------------------------------------------------------------------

Tensor sum(const Tensor& x);        // all elements -> [1]
Tensor mean(const Tensor& x);       // all elements -> [1]
Tensor sum_rows(const Tensor& x);   // [..., n] -> [...]; a vector gives [1]
Tensor mean_rows(const Tensor& x);  // [..., n] -> [...]; a vector gives [1]

// ---- matmul.cpp ---------------------------------------------------------------------------------

// op(a) op(b) on the last two axes, op = transposition where asked. Each side is [m, k] or
// [B, m, k]; a side without the batch axis is shared by the batch: [M, D] x [C, H, D] with trans_b
// gives [C, M, H].
Tensor matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec = {});
// x w^T + bias: x [M, in] or [C, M, in]; w [out, in] or [C, out, in]; nullable_bias [out] or
// [C, out].
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& nullable_bias);

// ---- conv2d.cpp ---------------------------------------------------------------------------------

// x [N, H, W, C], w [K, R, S, C] -> [N, P, Q, K]; padding with zeros.
Tensor conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec);
// [relu] (conv2d(x, w) + bias [+ residual]) in one pass, for inference: it has no gradient. bias [K] of
// stat_dtype(x), nullable_residual [N, P, Q, K].
Tensor conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias,
                    const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu);

// ---- pool.cpp -----------------------------------------------------------------------------------

Tensor max_pool(const Tensor& x,
                const PoolSpec& spec);        // [N, H, W, C]; the first maximum takes the gradient
Tensor global_average_pool(const Tensor& x);  // [N, H, W, C] -> [N, C]

// ---- batch_norm.cpp -----------------------------------------------------------------------------

struct RunningStatistics {
  Tensor mean = {};      // [C], or [B, C] of heads
  Tensor variance = {};  // unbiased
  double momentum = 0.1;
  bool update = true;  // whether a training forward updates them
};
// x [..., C] of rank 2 to 4; gamma, beta [C] of stat_dtype(x). y = [relu] (norm(x) [+ residual]).
// Phase::train uses the statistics of each of spec.groups contiguous parts of axis 0; Phase::eval
// the running ones, which must then not change before the backward pass. For heads side by side,
// x [B, M, C] with gamma, beta and running statistics [B, C], each head is normalised by itself and
// the groups are parts of axis 1.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  RunningStatistics& running, Phase phase, const BatchNormSpec& spec = {},
                  const Tensor& nullable_residual = {});

// ---- rows.cpp -----------------------------------------------------------------------------------

inline constexpr double kNormEpsilon = 1e-12;
Tensor l2_normalize(const Tensor& x,
                    double epsilon = kNormEpsilon);  // rows of [..., d]; zero rows stay zero
Tensor row_dot(const Tensor& a, const Tensor& b);    // [..., d], [..., d] -> [...]
Tensor log_sum_exp(const Tensor& x);                 // [..., n] -> [...]
Tensor log_softmax(const Tensor& x);                 // along the last axis
Tensor cross_entropy(const Tensor& logits,
                     const Tensor& target);  // [rows, n], [rows] i32 -> mean [1]
// Columns of x [C, N, d] to zero mean and unit variance (divisor N - ddof), spec S2.4.
Tensor standardize_columns(const Tensor& x, int64_t ddof, double epsilon);

// ---- shape_ops.cpp ------------------------------------------------------------------------------

Tensor reshape(const Tensor& x, const Shape& shape);
Tensor transpose(const Tensor& x);  // last two axes of [m, n] or [B, m, n]
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);  // a copy unless axis is 0
Tensor concat(std::span<const Tensor> parts, int axis);
Tensor roll_rows(const Tensor& x, int64_t shift);          // y[b, (i + shift) mod M] = x[b, i]
Tensor gather_rows(const Tensor& x, const Tensor& index);  // [n, d], [m] i32 -> [m, d]

// ---- pairwise.cpp -------------------------------------------------------------------------------

// r[c,i,j] = w2[c] . relu(a[c,i] + b[c,j]) + b2[c]; a [C, A, h], b [C, B, h]; w2 [1 or C, h],
// b2 [1 or C].
Tensor concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2);
struct PairLoss {
  Tensor loss;     // [C, A], one value per anchor
  Tensor records;  // [C, A, kPairRecord] f64, no gradient
};
// similarity [C, A, B]; nullable_score [C, A, B] (needed if and only if spec.adaptive); positive
// [A] i32: the column of each anchor's positive. Rectangular: A = B for two views, B = 1 + K with a
// queue, gathered candidates for several devices. Each anchor needs at least one candidate besides
// itself. (spec S2.1, S3.6, S4)
PairLoss pair_loss(const Tensor& similarity, const Tensor& nullable_score, const Tensor& positive,
                   const PairLossSpec& spec);
// records [C, A, kPairRecord] -> [C, kPairStatistics] f32, no gradient.
Tensor pair_statistics(const Tensor& records, const PairLossSpec& spec);

// ---- total_pair_loss.cpp ------------------------------------------------------------------------

// Rows whose pairs are [C, A, B] products; with candidates of the anchors' own, [C, A, 1 + B].
struct PairRows {
  Tensor anchors = {};       // [C, A, n]
  Tensor candidates = {};    // [C, B, n]
  Tensor nullable_own = {};  // [C, A, n]: row i is column 0 of anchor i alone
};
// Rows that give the scores of pairs: by products, or with w2 and b2 by concat_scores. Without
// anchors there are no scores.
struct PairScoreRows {
  PairRows rows = {};
  Tensor nullable_w2 = {};  // [1 or C, n]
  Tensor nullable_b2 = {};  // [1 or C]
};
struct TotalPairLoss {
  Tensor total;       // [1], sum over heads of the mean over anchors
  Tensor per_head;    // [C], no gradient
  Tensor statistics;  // [C, kPairStatistics] f32, no gradient
};
// Rows of a tile. Fewer make the products slower, more take memory: with 8,192 rows, tiles of 32, 64,
// 128, 256 and 512 take 1.29, 1.13, 1.05, 1.02 and 1 times as long (Zen 3, one thread).
inline constexpr int64_t kTileRows = 256;
// pair_loss of all pairs of rows, in memory that grows with A + B and not with A B: the matrices
// [C, A, 1 + B] exist in tiles of up to tile_rows rows only, which fit about four times into memory.
TotalPairLoss total_pair_loss(const PairRows& similarity, const PairScoreRows& score,
                              const Tensor& positive, const PairLossSpec& spec,
                              int64_t tile_rows = kTileRows);

}  // namespace amcl
