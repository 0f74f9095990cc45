// Cases of rows.cpp and pairwise.cpp.
#include "engine/op_cases/op_case_builder.h"

namespace amcl {
namespace {

Tensor indices(const Tensor& like, const std::vector<int32_t>& values) {
  return Tensor::from_host<int32_t>(like.device(), {static_cast<int64_t>(values.size())}, values);
}

void add_row_case(std::vector<OpCase>& cases, const char* op, HostTensor x,
                  Tensor (*function)(const Tensor&), double floor = 1e-2) {
  cases.push_back({.op = op,
                   .detail = concat_text("x ", x.shape),
                   .inputs = {std::move(x)},
                   .function = [function](Inputs in) { return function(in[0]); },
                   .floor = floor});
}

// Logits far from zero: an exp without the maximum subtracted overflows in f32.
HostTensor large_logits() {
  return {{2, 3}, {500.0, 499.0, 498.5, -500.0, -501.0, -499.5}};
}

struct Pairs {
  int64_t heads;
  int64_t anchors;
  int64_t candidates;
  std::vector<int32_t> positive;
  int64_t self_offset;
};

// The ways in which positives and the anchors themselves lie among the candidates.
std::vector<Pairs> pair_layouts() {
  return {
      {1, 4, 4, {2, 3, 0, 1}, 0},                   // two views of two images
      {3, 6, 6, {3, 4, 5, 0, 1, 2}, 0},             // of three images, three heads
      {2, 3, 8, {0, 0, 0}, PairLossSpec::kNoSelf},  // the positive first, then a queue
      {2, 4, 35, {20, 21, 16, 17}, 18},             // candidates of several devices
  };
}

std::vector<PairLossSpec> pair_specs() {
  std::vector<PairLossSpec> specs;
  for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk, PairReducer::hard})
    for (const bool with_positive : {true, false})
      for (const bool adaptive : {true, false})
        specs.push_back({.reducer = reducer,
                         .topk = 2,
                         .with_positive = with_positive,
                         .adaptive = adaptive,
                         .temperature = 0.2,
                         .range = {.low = 0.05, .high = 1.0, .bias = 0.5}});
  PairLossSpec paired = specs.front();  // spec S3.4: the regulariser inside the logits
  paired.beta_positive = 0.3;
  paired.a_positive = 2.0;
  paired.beta_negative = 0.1;
  paired.a_negative = 1.5;
  specs.push_back(paired);
  PairLossSpec anchored = specs.front();  // or added to each anchor's loss
  anchored.anchor_beta = 0.4;
  anchored.anchor_a = 3.0;
  specs.push_back(anchored);
  return specs;
}

const char* name_of(PairReducer reducer) {
  switch (reducer) {
    case PairReducer::lse:
      return "lse";
    case PairReducer::topk:
      return "topk";
    case PairReducer::hard:
      return "hard";
  }
  return "?";
}

OpCase pair_loss_case(const Pairs& pairs, PairLossSpec spec, InputRandom& random) {
  spec.self_offset = pairs.self_offset;
  const Shape matrix{pairs.heads, pairs.anchors, pairs.candidates};
  OpCase result{
      .op = "pair_loss",
      .detail = concat_text(
          "s ", matrix, ", ", name_of(spec.reducer), spec.with_positive ? ", with positive" : "",
          spec.adaptive ? ", adaptive" : ", constant temperature",
          spec.beta_positive > 0.0 ? ", paired" : "", spec.anchor_beta > 0.0 ? ", anchored" : ""),
      .inputs = {random.uniform(matrix, -1.0f, 1.0f)},
      .function = [spec, positive = pairs.positive](Inputs in) {
        return pair_loss(in[0], spec.adaptive ? in[1] : Tensor{}, indices(in[0], positive), spec)
            .loss;
      }};
  if (spec.adaptive) result.inputs.push_back(random.normal(matrix));
  return result;
}

OpCase pair_statistics_case(const Pairs& pairs, PairLossSpec spec, InputRandom& random) {
  OpCase result = pair_loss_case(pairs, spec, random);
  spec.self_offset = pairs.self_offset;
  result.op = "pair_statistics";
  result.function = [spec, positive = pairs.positive](Inputs in) {
    const Tensor scores = spec.adaptive ? in[1] : Tensor{};
    return pair_statistics(pair_loss(in[0], scores, indices(in[0], positive), spec).records, spec);
  };
  result.differentiable = false;
  return result;
}

}  // namespace

void add_row_cases(std::vector<OpCase>& cases) {
  InputRandom random(8);
  for (const Shape& shape : {Shape{1}, Shape{7}, Shape{3, 1}, Shape{5, 33}, Shape{2, 3, 257}}) {
    // A unit vector of one element is +-1 and one logit has softmax 1, whatever x is: dx is the
    // small rest of a cancellation.
    const double floor = shape.back() == 1 ? 1.0 : 1e-2;
    add_row_case(
        cases, "l2_normalize", random.normal(shape),
        [](const Tensor& x) { return l2_normalize(x); }, floor);
    add_row_case(cases, "log_softmax", random.normal(shape), log_softmax, floor);
    add_row_case(cases, "log_sum_exp", random.normal(shape), log_sum_exp);
    cases.push_back({.op = "row_dot",
                     .detail = concat_text("a, b ", shape),
                     .inputs = {random.normal(shape), random.normal(shape)},
                     .function = [](Inputs in) { return row_dot(in[0], in[1]); }});
  }
  add_row_case(cases, "log_sum_exp", large_logits(), log_sum_exp);
  cases.back().tolerance = 5e-5;  // exp(x - y) where y = 500 is rounded to 3e-5
  add_row_case(cases, "log_softmax", large_logits(), log_softmax);
  cases.back().tolerance = 5e-5;
  cases.push_back({.op = "l2_normalize",
                   .detail = "a zero row between others",
                   .inputs = {{{3, 2}, {3.0, 4.0, 0.0, 0.0, -1.0, 2.0}}},
                   .function = [](Inputs in) { return l2_normalize(in[0]); },
                   .gradcheck = false});
  for (const Shape& shape : {Shape{1, 3}, Shape{4, 1}, Shape{4, 33}})
    cases.push_back({.op = "cross_entropy",
                     .detail = concat_text("logits ", shape),
                     .inputs = {random.normal(shape)},
                     .function = [](Inputs in) {
                       std::vector<int32_t> target;
                       for (int64_t row = 0; row < in[0].dim(0); ++row)
                         target.push_back(static_cast<int32_t>(7 * (row + 1) % in[0].dim(1)));
                       return cross_entropy(in[0], indices(in[0], target));
                     }});
  for (const int64_t ddof : {0, 1})
    for (const Shape& shape : {Shape{1, 3, 1}, Shape{2, 7, 33}})
      cases.push_back(
          {.op = "standardize_columns",
           .detail = concat_text("x ", shape, ", ddof ", ddof),
           .inputs = {random.normal(shape)},
           .function = [ddof](Inputs in) { return standardize_columns(in[0], ddof, 1e-5); }});
}

void add_pair_cases(std::vector<OpCase>& cases) {
  InputRandom random(9);
  struct Scores {
    Shape a, b, w2;
  };
  for (const Scores& scores :
       {Scores{{1, 2, 1}, {1, 3, 1}, {1, 1}}, Scores{{3, 5, 33}, {3, 5, 33}, {1, 33}},
        Scores{{3, 4, 8}, {3, 9, 8}, {3, 8}}})
    cases.push_back(
        {.op = "concat_scores",
         .detail = concat_text("a ", scores.a, ", b ", scores.b, ", w2 ", scores.w2),
         .inputs = {random.normal(scores.a), random.normal(scores.b), random.normal(scores.w2),
                    random.normal({scores.w2[0]})},
         .function = [](Inputs in) { return concat_scores(in[0], in[1], in[2], in[3]); }});
  for (const Pairs& pairs : pair_layouts()) {
    for (const PairLossSpec& spec : pair_specs())
      cases.push_back(pair_loss_case(pairs, spec, random));
    cases.push_back(pair_statistics_case(pairs, pair_specs().front(), random));
    cases.push_back(pair_statistics_case(pairs, pair_specs()[1], random));
  }
}

}  // namespace amcl
