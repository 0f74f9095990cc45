// Cases beyond a thread's grain and beyond the blocks of the fast kernels: work is divided, and
// every edge of a division is odd.
#include "engine/op_cases/op_case_builder.h"

namespace amcl {
namespace {

void add_large(std::vector<OpCase>& cases, const char* op, std::vector<HostTensor> inputs,
               std::function<Tensor(Inputs)> function) {
  std::string detail = "large:";
  for (const HostTensor& input : inputs) detail += concat_text(' ', input.shape);
  cases.push_back({.op = op,
                   .detail = std::move(detail),
                   .inputs = std::move(inputs),
                   .function = std::move(function),
                   .gradcheck = false});
}

void add_elementwise(std::vector<OpCase>& cases, InputRandom& random) {
  const Shape x{3, 131, 257};
  for (const Shape& b : {x, Shape{1}, Shape{257}, Shape{3, 257}}) {
    add_large(cases, "add", {random.normal(x), random.normal(b)},
              [](Inputs in) { return add(in[0], in[1]); });
    add_large(cases, "multiply", {random.normal(x), random.normal(b)},
              [](Inputs in) { return multiply(in[0], in[1]); });
  }
  using Unary = Tensor (*)(const Tensor&);
  struct Named {
    const char* op;
    Unary function;
  };
  for (const Named& named :
       {Named{"relu", relu}, Named{"exp", exp}, Named{"sigmoid", sigmoid}, Named{"sum", sum},
        Named{"mean_rows", mean_rows}, Named{"transpose", transpose},
        Named{"log_sum_exp", log_sum_exp}, Named{"log_softmax", log_softmax}})
    add_large(cases, named.op, {random.normal(x)},
              [f = named.function](Inputs in) { return f(in[0]); });
  add_large(cases, "affine", {random.normal(x)},
            [](Inputs in) { return affine(in[0], 0.5, -1.0); });
  add_large(cases, "temperature", {random.normal(x)},
            [](Inputs in) { return temperature(in[0], {.low = 0.05, .high = 1.0, .bias = -0.5}); });
  add_large(cases, "l2_normalize", {random.normal(x)},
            [](Inputs in) { return l2_normalize(in[0]); });
  add_large(cases, "row_dot", {random.normal(x), random.normal(x)},
            [](Inputs in) { return row_dot(in[0], in[1]); });
  add_large(cases, "standardize_columns", {random.normal(x)},
            [](Inputs in) { return standardize_columns(in[0], 1, 1e-5); });
  add_large(cases, "matmul", {random.normal({2, 130, 70}), random.normal({2, 150, 70})},
            [](Inputs in) { return matmul(in[0], in[1], {.trans_b = true}); });
}

void add_convolutions(std::vector<OpCase>& cases, InputRandom& random) {
  struct Window {
    Shape x;
    Shape w;
    Conv2dSpec spec;
  };
  for (const Window& window : {
           Window{{2, 32, 30, 8}, {9, 3, 3, 8}, {.padding = 1}},
           Window{{3, 30, 29, 24}, {40, 3, 3, 24}, {.padding = 1}},
           Window{{1, 9, 10, 16}, {104, 3, 3, 16}, {.padding = 1}},
           Window{{1, 5, 6, 264}, {16, 3, 3, 264}, {.padding = 1}},
           Window{{1, 9, 7, 8}, {9, 3, 3, 8}, {}},
           Window{{1, 6, 7, 8}, {9, 3, 3, 8}, {.padding = 2}},
           Window{{2, 30, 31, 9}, {17, 3, 3, 9}, {.stride = 2, .padding = 1}},
           Window{{2, 17, 19, 33}, {70, 1, 1, 33}, {.stride = 2}},
           Window{{2, 17, 19, 130}, {33, 1, 1, 130}, {}},
           Window{{2, 20, 21, 5}, {6, 5, 5, 5}, {.padding = 2}},
       }) {
    add_large(cases, "conv2d", {random.normal(window.x), random.normal(window.w)},
              [spec = window.spec](Inputs in) { return conv2d(in[0], in[1], spec); });
    cases.back().detail +=
        concat_text(", stride ", window.spec.stride, ", padding ", window.spec.padding);
    cases.back().tolerance = kConvTolerance;
  }
  add_large(cases, "max_pool", {random.normal({5, 33, 31, 9})},
            [](Inputs in) { return max_pool(in[0], {.kernel = 3, .stride = 2, .padding = 1}); });
  add_large(cases, "global_average_pool", {random.normal({5, 17, 19, 65})},
            [](Inputs in) { return global_average_pool(in[0]); });
}

void add_batch_norms(std::vector<OpCase>& cases, InputRandom& random) {
  const auto normalize = [](Inputs in, const BatchNormSpec& spec) {
    RunningStatistics none{.update = false};
    return batch_norm(in[0], in[1], in[2], none, Phase::train, spec, in[3]);
  };
  for (const Shape& x :
       {Shape{4, 33, 31, 33}, Shape{2, 41, 37, 3}, Shape{6, 19, 128}, Shape{600, 1}}) {
    const Shape per_channel{x.back()};
    add_large(cases, "batch_norm",
              {random.normal(x), random.uniform(per_channel, 0.5f, 1.5f),
               random.normal(per_channel), random.normal(x)},
              [normalize](Inputs in) { return normalize(in, {.groups = 2, .relu = true}); });
  }
  // One-pass sums of squares in f32 would leave nothing of this variance.
  HostTensor far = random.uniform({300, 5}, 99.9f, 100.1f);
  add_large(cases, "batch_norm",
            {std::move(far), random.uniform({5}, 0.5f, 1.5f), random.normal({5}),
             random.normal({300, 5})},
            [normalize](Inputs in) { return normalize(in, {}); });
  cases.back().detail += ", a mean far from zero";
  cases.back().tolerance = 5e-4;  // the mean itself, 100, is good to 4e-6 of a deviation of 0.06
}

void add_pairs(std::vector<OpCase>& cases, InputRandom& random) {
  constexpr int64_t kImages = 33;
  const Shape matrix{3, 2 * kImages, 2 * kImages};
  for (const PairReducer reducer : {PairReducer::lse, PairReducer::topk})
    add_large(cases, "pair_loss", {random.uniform(matrix, -1.0f, 1.0f), random.normal(matrix)},
              [reducer](Inputs in) {
                std::vector<int32_t> positive;
                for (int64_t i = 0; i < 2 * kImages; ++i)
                  positive.push_back(static_cast<int32_t>((i + kImages) % (2 * kImages)));
                return pair_loss(
                           in[0], in[1],
                           Tensor::from_host<int32_t>(in[0].device(), {2 * kImages}, positive),
                           {.reducer = reducer, .topk = 7})
                    .loss;
              });
  cases.back().detail += ", topk";
  add_large(cases, "concat_scores",
            {random.normal({2, 66, 33}), random.normal({2, 35, 33}), random.normal({1, 33}),
             random.normal({1})},
            [](Inputs in) { return concat_scores(in[0], in[1], in[2], in[3]); });
}

}  // namespace

void add_large_cases(std::vector<OpCase>& cases) {
  InputRandom random(10);
  add_elementwise(cases, random);
  add_convolutions(cases, random);
  add_batch_norms(cases, random);
  add_pairs(cases, random);
}

}  // namespace amcl
