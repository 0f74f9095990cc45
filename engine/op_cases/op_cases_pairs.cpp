// Cases of total_pair_loss.cpp.
#include "engine/op_cases/op_case_builder.h"

namespace amcl {
namespace {

enum class Score : uint8_t { none, dot, concat, concat_per_head };

const char* name_of(Score score) {
  switch (score) {
    case Score::none:
      return "constant temperature";
    case Score::dot:
      return "dot scores";
    case Score::concat:
      return "concat scores";
    case Score::concat_per_head:
      return "concat scores per head";
  }
  return "?";
}

constexpr int64_t kHeads = 3;
constexpr int64_t kAnchors = 7;
constexpr int64_t kFeatures = 4;  // of the similarity
constexpr int64_t kHidden = 5;    // of the score

// How many candidates there are, and where the positives and the anchors themselves lie.
struct Layout {
  const char* name;
  int64_t candidates;
  bool own;  // the positive is a candidate of the anchor's own
  int64_t self_offset;
};

// The rows of a case, as its inputs follow one another.
class RowsOf {
 public:
  explicit RowsOf(Inputs inputs) : inputs_(inputs) {}

  PairRows rows(bool own) {
    PairRows result{.anchors = next(), .candidates = next()};
    if (own) result.nullable_own = next();
    return result;
  }
  Tensor next() { return inputs_[used_++]; }

 private:
  Inputs inputs_;
  size_t used_ = 0;
};

void add_rows(std::vector<HostTensor>& inputs, const Layout& layout, int64_t features,
              InputRandom& random) {
  inputs.push_back(random.normal({kHeads, kAnchors, features}));
  inputs.push_back(random.normal({kHeads, layout.candidates, features}));
  if (layout.own) inputs.push_back(random.normal({kHeads, kAnchors, features}));
}

OpCase total_case(const Layout& layout, Score score, PairLossSpec spec, int64_t tile_rows,
                  InputRandom& random) {
  spec.self_offset = layout.self_offset;
  spec.adaptive = score != Score::none;
  OpCase result{.op = "total_pair_loss",
                .detail = concat_text(layout.name, ", ", name_of(score), ", reducer ",
                                      static_cast<int>(spec.reducer),
                                      spec.with_positive ? "" : " without the positive", ", ",
                                      tile_rows, " rows per tile")};
  add_rows(result.inputs, layout, kFeatures, random);
  if (spec.adaptive) add_rows(result.inputs, layout, kHidden, random);
  const bool concat = score == Score::concat || score == Score::concat_per_head;
  if (concat) {
    const int64_t sets = score == Score::concat ? 1 : kHeads;
    result.inputs.push_back(random.normal({sets, kHidden}));
    result.inputs.push_back(random.normal({sets}));
  }
  result.function = [layout, spec, concat, tile_rows](Inputs in) {
    RowsOf inputs(in);
    const PairRows similarity = inputs.rows(layout.own);
    PairScoreRows score_rows;
    if (spec.adaptive) score_rows.rows = inputs.rows(layout.own);
    if (concat) {
      score_rows.nullable_w2 = inputs.next();
      score_rows.nullable_b2 = inputs.next();
    }
    std::vector<int32_t> positive(kAnchors);
    for (int64_t i = 0; i < kAnchors; ++i)
      positive[static_cast<size_t>(i)] =
          layout.own ? 0 : static_cast<int32_t>((i + 3) % layout.candidates);
    return total_pair_loss(similarity, score_rows,
                           Tensor::from_host<int32_t>(in[0].device(), {kAnchors}, positive), spec,
                           tile_rows)
        .total;
  };
  return result;
}

}  // namespace

void add_total_pair_cases(std::vector<OpCase>& cases) {
  InputRandom random(11);
  // Logits within +-20, since these rows are not of length one.
  const PairLossSpec spec{.temperature = 0.5, .range = {.low = 0.5, .high = 2.0}};
  const Layout two_views{"two views", kAnchors, false, 0};
  const Layout devices{"candidates of several devices", 11, false, 4};
  const Layout queue{"a queue and own keys", 9, true, PairLossSpec::kNoSelf};
  for (const Layout& layout : {two_views, devices, queue})
    for (const Score score : {Score::none, Score::dot, Score::concat, Score::concat_per_head})
      // One row, an odd part of a head, two heads of three, all.
      for (const int64_t tile_rows : {int64_t{1}, int64_t{4}, 2 * kAnchors, kHeads * kAnchors})
        cases.push_back(total_case(layout, score, spec, tile_rows, random));
  for (const PairReducer reducer : {PairReducer::topk, PairReducer::hard}) {
    PairLossSpec selecting = spec;
    selecting.reducer = reducer;
    selecting.topk = 3;
    selecting.with_positive = false;
    cases.push_back(total_case(devices, Score::dot, selecting, 3, random));
    cases.push_back(total_case(queue, Score::dot, selecting, 3, random));
  }
  PairLossSpec decoupled = spec;
  decoupled.with_positive = false;
  for (const Layout& layout : {two_views, queue})
    cases.push_back(total_case(layout, Score::none, decoupled, 4, random));
}

}  // namespace amcl
