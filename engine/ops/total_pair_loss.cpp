// The loss over all pairs of rows: pair_loss of their products, summed up, in O(A + B) memory each way
// (spec S8.4).
//
//   similarity  S = u v^T        u [C, A, d], v [C, B, d]
//   score       r = p q^T        p [C, A, e], q [C, B, e]: the dot form of the temperature net, or
//               r = concat_scores(a, b, w2, b2), or none: the temperature is constant
//   per_head    1/A sum_i pair_loss(S, r)[c, i],   total = sum over heads
//
// Where anchors have a candidate of their own (a query its key), it is column 0 and the others follow.
//
// S and r exist tile by tile: some whole heads, or some rows of one head, so that the inputs of a tile
// are views. A tile is the dense form of its rows, on a tape of its own. Rows are complete, and in the
// total each anchor weighs 1/A, so that the tile's gradients follow at once:
//   du_tile = dS v,   dv = sum over tiles dS^T u_tile,   and likewise p and q, or a, b, w2 and b2.
// The backward pass has but to multiply them by the cotangent of the total. So there are three
// products for S and three for r, as in the dense form; S8.4, which walks over the tiles once for the
// log-sum-exp and once more for the gradients, takes four. Kept between the passes are the gradients,
// which are as large as the inputs.
//
// Sums over tiles add up in the order of the tiles, which follow from the shapes alone: the number of
// threads changes no bit unless it changes those of a product.
#include <algorithm>
#include <array>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"
#include "engine/ops/pair_checks.h"

namespace amcl {
namespace {

// The op's inputs, in the order in which the tape knows them; absent ones are empty.
enum Input : size_t {
  kAnchors,
  kCandidates,
  kOwn,
  kScoreAnchors,
  kScoreCandidates,
  kScoreOwn,
  kWeight,
  kBias,
  kInputs
};
using Inputs = std::array<Tensor, kInputs>;

// Rows [row, row + rows) of heads [head, head + heads); of several heads, all rows.
struct Tile {
  int64_t head;
  int64_t heads;
  int64_t row;
  int64_t rows;
};

std::vector<Tile> tiles_of(int64_t heads, int64_t anchors, int64_t tile_rows) {
  std::vector<Tile> tiles;
  if (tile_rows >= anchors) {
    const int64_t together = std::min(heads, tile_rows / anchors);
    for (int64_t head = 0; head < heads; head += together)
      tiles.push_back({head, std::min(together, heads - head), 0, anchors});
    return tiles;
  }
  const int64_t parts = (anchors + tile_rows - 1) / tile_rows;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t row = anchors * part / parts;
      tiles.push_back({head, 1, row, anchors * (part + 1) / parts - row});
    }
  return tiles;
}

// The tile's heads of x [C, ...].
Tensor heads_of(const Tensor& x, const Tile& tile) {
  return x.slice(tile.head, tile.head + tile.heads);
}

// The tile's rows of x [C, A, ...].
Tensor rows_of(const Tensor& x, const Tile& tile) {
  const Tensor heads = heads_of(x, tile);
  if (tile.rows == x.dim(1)) return heads;
  const Shape one_head(heads.shape().extents().subspan(1));
  return heads.view(one_head)
      .slice(tile.row, tile.row + tile.rows)
      .view(heads.shape().with(1, tile.rows));
}

// The part of an input, or of its gradient, that a tile reads or writes.
Tensor part_of(size_t input, const Tensor& x, const Tile& tile) {
  switch (input) {
    case kAnchors:
    case kOwn:
    case kScoreAnchors:
    case kScoreOwn:
      return rows_of(x, tile);
    case kWeight:
    case kBias:
      return x.dim(0) == 1 ? x.slice(0, 1) : heads_of(x, tile);
    default:
      return heads_of(x, tile);
  }
}

// Whether an earlier tile wrote to the same part of an input's gradient.
bool written_before(size_t input, const Tensor& x, const Tile& tile) {
  switch (input) {
    case kCandidates:
    case kScoreCandidates:
      return tile.row > 0;
    case kWeight:
    case kBias:
      return tile.row > 0 || (x.dim(0) == 1 && tile.head > 0);
    default:
      return false;
  }
}

// [C, A] and [C, A, B] side by side.
Tensor own_first(const Tensor& own, const Tensor& others) {
  const std::array<Tensor, 2> parts = {reshape(own, {own.dim(0), own.dim(1), 1}), others};
  return concat(parts, 2);
}

Tensor similarities(const Inputs& in) {
  const Tensor others = matmul(in[kAnchors], in[kCandidates], {.trans_b = true});
  return in[kOwn].defined() ? own_first(row_dot(in[kAnchors], in[kOwn]), others) : others;
}

Tensor own_scores(const Inputs& in) {
  if (!in[kWeight].defined()) return row_dot(in[kScoreAnchors], in[kScoreOwn]);
  const int64_t sets = in[kWeight].dim(0);
  const Tensor hidden = relu(add(in[kScoreAnchors], in[kScoreOwn]));
  const Tensor scores = sets == 1 ? linear(hidden, in[kWeight], in[kBias])
                                  : linear(hidden, reshape(in[kWeight], {sets, 1, hidden.dim(2)}),
                                           reshape(in[kBias], {sets, 1}));
  return reshape(scores, hidden.shape().without_last());
}

// Empty without rows of scores.
Tensor scores(const Inputs& in) {
  if (!in[kScoreAnchors].defined()) return {};
  const Tensor others =
      in[kWeight].defined()
          ? concat_scores(in[kScoreAnchors], in[kScoreCandidates], in[kWeight], in[kBias])
          : matmul(in[kScoreAnchors], in[kScoreCandidates], {.trans_b = true});
  return in[kScoreOwn].defined() ? own_first(own_scores(in), others) : others;
}

void check_rows(const char* name, const PairRows& rows) {
  const Tensor& a = rows.anchors;
  const Tensor& b = rows.candidates;
  check_same_kind("total_pair_loss", "anchors", a, "candidates", b);
  AMCL_CHECK(a.rank() == 3 && b.rank() == 3 && a.dim(0) == b.dim(0) && a.dim(2) == b.dim(2),
             "total_pair_loss: ", name,
             " needs anchors and candidates [heads, rows, features] with the same heads and "
             "features, got ",
             a.shape(), " and ", b.shape());
  if (!rows.nullable_own.defined()) return;
  check_same_kind("total_pair_loss", "anchors", a, "own", rows.nullable_own);
  AMCL_CHECK(rows.nullable_own.shape() == a.shape(), "total_pair_loss: ", name,
             " needs a candidate of its own for each anchor of ", a.shape(), ", got ",
             rows.nullable_own.shape());
}

// What is checked before any work; returns the shape of the pairs.
Shape check_inputs(const PairRows& similarity, const PairScoreRows& score, const Tensor& positive,
                   const PairLossSpec& spec) {
  check_rows("the similarity", similarity);
  check_pair_spec("total_pair_loss", spec, score.rows.anchors.defined());
  const auto pairs_of = [](const PairRows& rows) {
    return Shape{rows.anchors.dim(0), rows.anchors.dim(1),
                 rows.candidates.dim(1) + (rows.nullable_own.defined() ? 1 : 0)};
  };
  const Shape pairs = pairs_of(similarity);
  if (spec.adaptive) {
    check_rows("the score", score.rows);
    check_same_kind("total_pair_loss", "similarity", similarity.anchors, "score",
                    score.rows.anchors);
    AMCL_CHECK(pairs_of(score.rows) == pairs, "total_pair_loss: the rows of the score make pairs ",
               pairs_of(score.rows), ", those of the similarity ", pairs);
    if (score.nullable_w2.defined())
      check_concat_scores("total_pair_loss", score.rows.anchors, score.rows.candidates,
                          score.nullable_w2, score.nullable_b2);
  }
  check_positives("total_pair_loss", pairs, positive, spec);
  return pairs;
}

// The gradients of the total in the inputs, tile by tile; empty where the open tape follows none.
Inputs gradients_for(const Inputs& inputs) {
  Inputs gradients;
  for (size_t i = 0; i < kInputs; ++i)
    if (tape::tracks(inputs[i])) gradients[i] = Tensor::empty_like(inputs[i]);
  return gradients;
}

// What the loss is called for and what it fills, tile by tile.
struct Work {
  const Inputs& inputs;
  const Tensor& positive;
  const PairLossSpec& spec;
  Tensor share;      // [C, A], 1/A each: what an anchor weighs in the total
  Tensor loss;       // [C, A]
  Tensor records;    // [C, A, kPairRecord] f64
  Inputs gradients;  // of the total

  void run(const Tile& tile) const;
};

void copy(const Tensor& part, Tensor whole) {
  whole.device().copy(whole.raw(), part.raw(), part.bytes());
}

void Work::run(const Tile& tile) const {
  std::array<GradientSlot, kInputs> slots;
  const TapeScope scope;
  Inputs parts;
  for (size_t i = 0; i < kInputs; ++i) {
    if (!inputs[i].defined()) continue;
    parts[i] = part_of(i, inputs[i], tile);
    if (!gradients[i].defined()) continue;
    slots[i] = {.gradient = part_of(i, gradients[i], tile),
                .written = written_before(i, inputs[i], tile)};
    parts[i] = tape::leaf(parts[i], slots[i]);
  }
  PairLossSpec tile_spec = spec;
  if (spec.self_offset != PairLossSpec::kNoSelf) tile_spec.self_offset += tile.row;
  const PairLoss pairs = pair_loss(similarities(parts), scores(parts),
                                   positive.slice(tile.row, tile.row + tile.rows), tile_spec);
  copy(pairs.loss, rows_of(loss, tile));
  copy(pairs.records, rows_of(records, tile));
  if (!tape::tracks(pairs.loss)) return;
  const Tensor cotangent = rows_of(share, tile);
  tape::backward(std::span(&pairs.loss, 1), std::span(&cotangent, 1));
}

// Rows that are anchors and candidates have one gradient, kept as that of the anchors.
void merge_if_same(size_t anchors, size_t candidates, Inputs& inputs, Inputs& gradients) {
  const Tensor& a = inputs[anchors];
  const Tensor& b = inputs[candidates];
  if (!gradients[anchors].defined() || !tape::tracks(b) || a.slot().index != b.slot().index) return;
  backend_of(a).accumulate(gradients[candidates], gradients[anchors]);
  gradients[candidates] = {};
  inputs[candidates] = {};
}

}  // namespace

TotalPairLoss total_pair_loss(const PairRows& similarity, const PairScoreRows& score,
                              const Tensor& positive, const PairLossSpec& spec, int64_t tile_rows) {
  const Shape pairs = check_inputs(similarity, score, positive, spec);
  Inputs inputs = {similarity.anchors, similarity.candidates, similarity.nullable_own,
                   score.rows.anchors, score.rows.candidates, score.rows.nullable_own,
                   score.nullable_w2,  score.nullable_b2};
  const KernelCalls backend = backend_of(similarity.anchors);
  const DType dtype = similarity.anchors.dtype();
  Work work{.inputs = inputs,
            .positive = positive,
            .spec = spec,
            .share = Tensor::empty(backend, pairs.without_last(), dtype),
            .loss = Tensor::empty(backend, pairs.without_last(), dtype),
            .records = Tensor::empty(backend, pairs.with(2, kPairRecord), DType::f64),
            .gradients = gradients_for(inputs)};
  backend.fill(work.share, 1.0 / static_cast<double>(pairs[1]));
  for (const Tile& tile : tiles_of(pairs[0], pairs[1], tile_rows)) work.run(tile);

  const Tensor per_head = mean_rows(work.loss);
  const Tensor statistics = pair_statistics(work.records, spec);
  Inputs& gradients = work.gradients;
  merge_if_same(kAnchors, kCandidates, inputs, gradients);
  merge_if_same(kScoreAnchors, kScoreCandidates, inputs, gradients);
  const Tensor total = tape::record(
      "total_pair_loss", inputs, sum(per_head), [gradients](const Tensor& dtotal, Grads& grads) {
        for (size_t i = 0; i < kInputs; ++i)
          if (gradients[i].defined())
            backend_of(dtotal).binary(BinaryOp::multiply, gradients[i], dtotal,
                                      grads.out(static_cast<int>(i)));
      });
  return {.total = total, .per_head = per_head, .statistics = statistics};
}

}  // namespace amcl
