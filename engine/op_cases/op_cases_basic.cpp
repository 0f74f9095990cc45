// Cases of elementwise.cpp, reduce.cpp, matmul.cpp and shape_ops.cpp.
#include "engine/op_cases/op_case_builder.h"

namespace amcl {
namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

void add_unary(std::vector<OpCase>& cases, InputRandom& random, const char* op, Unary function,
               float low, float high) {
  for (const Shape& shape : {Shape{1}, Shape{257}, Shape{3, 5, 7, 33}})
    cases.push_back({.op = op,
                     .detail = concat_text("x ", shape),
                     .inputs = {random.uniform(shape, low, high)},
                     .function = [function](Inputs in) { return function(in[0]); }});
}

void add_binary(std::vector<OpCase>& cases, InputRandom& random, const char* op, Binary function) {
  struct Sides {
    Shape a, b;
  };
  for (const Sides& sides :
       {Sides{{3, 5, 33}, {3, 5, 33}}, Sides{{2, 3, 5}, {1}}, Sides{{1}, {1}}, Sides{{4, 7}, {7}},
        Sides{{2, 3, 4, 33}, {33}}, Sides{{3, 5, 7}, {3, 7}}, Sides{{3, 1, 5}, {3, 5}},
        Sides{{2, 9, 1}, {2, 1}}})
    cases.push_back({.op = op,
                     .detail = concat_text("a ", sides.a, ", b ", sides.b),
                     .inputs = {random.normal(sides.a), random.normal(sides.b)},
                     .function = [function](Inputs in) { return function(in[0], in[1]); }});
  cases.push_back({.op = op,
                   .detail = "the same tensor on both sides",
                   .inputs = {random.normal({3, 5})},
                   .function = [function](Inputs in) { return function(in[0], in[0]); },
                   // x - x is constant: rounding is all that remains of its differences.
                   .floor = 1.0});
}

}  // namespace

void add_elementwise_cases(std::vector<OpCase>& cases) {
  InputRandom random(1);
  add_binary(cases, random, "add", add);
  add_binary(cases, random, "subtract", subtract);
  add_binary(cases, random, "multiply", multiply);
  add_unary(cases, random, "relu", relu, -1.0f, 1.0f);
  add_unary(cases, random, "exp", exp, -3.0f, 3.0f);
  add_unary(cases, random, "log", log, 0.5f, 3.0f);
  add_unary(cases, random, "sigmoid", sigmoid, -5.0f, 5.0f);
  add_unary(cases, random, "reciprocal", reciprocal, 0.5f, 3.0f);
  add_unary(cases, random, "square", square, -2.0f, 2.0f);
  add_unary(cases, random, "cos", cos, -20.0f, 20.0f);
  add_unary(cases, random, "sin", sin, -20.0f, 20.0f);
  for (const Shape& shape : {Shape{1}, Shape{2, 3, 33}}) {
    cases.push_back({.op = "affine",
                     .detail = concat_text("x ", shape, ", -1.5 x + 0.25"),
                     .inputs = {random.normal(shape)},
                     .function = [](Inputs in) { return affine(in[0], -1.5, 0.25); }});
    cases.push_back({.op = "scale",
                     .detail = concat_text("x ", shape, ", by 3"),
                     .inputs = {random.normal(shape)},
                     .function = [](Inputs in) { return scale(in[0], 3.0); }});
    for (const float range : {2.0f, 30.0f})  // 30: deep in both tails of the sigmoid
      cases.push_back({.op = "temperature",
                       .detail = concat_text("r ", shape, " within ", range),
                       .inputs = {random.uniform(shape, -range, range)},
                       .function = [](Inputs in) {
                         return temperature(in[0], {.low = 0.05, .high = 1.0, .bias = 0.3});
                       }});
    cases.push_back(
        {.op = "cast",
         .detail = concat_text("x ", shape, ", to bf16 and back"),
         .inputs = {random.normal(shape)},
         .function = [](Inputs in) { return cast(cast(in[0], DType::bf16), in[0].dtype()); },
         .gradcheck = false,  // a staircase
         .tolerance = 0.0});
  }
  cases.push_back({.op = "relu",
                   .detail = "at zero",
                   .inputs = {{{2}, {0.0, -0.0}}},
                   .function = [](Inputs in) { return relu(in[0]); },
                   .gradcheck = false});
}

void add_reduce_cases(std::vector<OpCase>& cases) {
  InputRandom random(2);
  struct Named {
    const char* op;
    Unary function;
  };
  for (const Named& named : {Named{"sum", sum}, Named{"mean", mean}, Named{"sum_rows", sum_rows},
                             Named{"mean_rows", mean_rows}})
    for (const Shape& shape :
         {Shape{1}, Shape{7}, Shape{5, 1}, Shape{3, 5, 33}, Shape{2, 3, 4, 257}})
      cases.push_back({.op = named.op,
                       .detail = concat_text("x ", shape),
                       .inputs = {random.normal(shape)},
                       .function = [f = named.function](Inputs in) { return f(in[0]); }});
}

void add_matmul_cases(std::vector<OpCase>& cases) {
  InputRandom random(3);
  struct Extents {
    int64_t m, k, n;
  };
  const auto matrix = [](int64_t batch, int64_t rows, int64_t columns, bool transposed) {
    const Shape plain = transposed ? Shape{columns, rows} : Shape{rows, columns};
    return batch == 0 ? plain : Shape{batch, plain[0], plain[1]};
  };
  for (const Extents& e : {Extents{1, 1, 1}, Extents{3, 5, 7}, Extents{17, 33, 2}})
    for (const auto& [batch_a, batch_b] : {std::pair{0, 0}, {3, 3}, {0, 3}, {3, 0}})
      for (const bool trans_a : {false, true})
        for (const bool trans_b : {false, true}) {
          const Shape a = matrix(batch_a, e.m, e.k, trans_a);
          const Shape b = matrix(batch_b, e.k, e.n, trans_b);
          const MatmulSpec spec{.trans_a = trans_a, .trans_b = trans_b};
          cases.push_back(
              {.op = "matmul",
               .detail = concat_text("a ", a, trans_a ? "^T" : "", ", b ", b, trans_b ? "^T" : ""),
               .inputs = {random.normal(a), random.normal(b)},
               .function = [spec](Inputs in) { return matmul(in[0], in[1], spec); }});
        }
  cases.push_back({.op = "matmul",
                   .detail = "u u^T of u [3, 33, 65]",
                   .inputs = {random.normal({3, 33, 65})},
                   .function = [](Inputs in) { return matmul(in[0], in[0], {.trans_b = true}); }});

  struct Layer {
    Shape x, w, bias;
  };
  for (const Layer& layer : {Layer{{5, 7}, {3, 7}, {3}}, Layer{{5, 7}, {4, 3, 7}, {4, 3}},
                             Layer{{4, 5, 7}, {4, 33, 7}, {4, 33}}, Layer{{4, 5, 7}, {3, 7}, {3}},
                             Layer{{2, 1}, {1, 1}, {1}}}) {
    cases.push_back(
        {.op = "linear",
         .detail = concat_text("x ", layer.x, ", w ", layer.w, ", bias ", layer.bias),
         .inputs = {random.normal(layer.x), random.normal(layer.w), random.normal(layer.bias)},
         .function = [](Inputs in) { return linear(in[0], in[1], in[2]); }});
    cases.push_back({.op = "linear",
                     .detail = concat_text("x ", layer.x, ", w ", layer.w, ", no bias"),
                     .inputs = {random.normal(layer.x), random.normal(layer.w)},
                     .function = [](Inputs in) { return linear(in[0], in[1], Tensor{}); }});
  }
}

void add_shape_cases(std::vector<OpCase>& cases) {
  InputRandom random(4);
  const auto add_case = [&](const char* op, const std::string& detail,
                            const std::vector<Shape>& shapes,
                            std::function<Tensor(Inputs)> function) {
    OpCase op_case{.op = op, .detail = detail, .tolerance = 1e-6};
    for (const Shape& shape : shapes) op_case.inputs.push_back(random.normal(shape));
    op_case.function = std::move(function);
    cases.push_back(std::move(op_case));
  };
  add_case("reshape", "[2, 3, 5] to [6, 5]", {{2, 3, 5}}, [](Inputs in) {
    return reshape(in[0], {6, 5});
  });
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 33}, Shape{2, 17, 5}})
    add_case("transpose", concat_text("x ", shape), {shape},
             [](Inputs in) { return transpose(in[0]); });
  for (const int axis : {0, 1, 2, -1})
    add_case("slice", concat_text("[1, 3) of axis ", axis, " of x [4, 3, 5]"), {{4, 3, 5}},
             [axis](Inputs in) { return slice(in[0], axis, 1, 3); });
  add_case("slice", "all of x [7]", {{7}}, [](Inputs in) { return slice(in[0], 0, 0, 7); });
  add_case("concat", "axis 0 of [2, 3], [1, 3], [4, 3]", {{2, 3}, {1, 3}, {4, 3}},
           [](Inputs in) { return concat(in, 0); });
  add_case("concat", "axis -1 of [2, 3, 1], [2, 3, 33]", {{2, 3, 1}, {2, 3, 33}},
           [](Inputs in) { return concat(in, -1); });
  add_case("concat", "one part twice", {{2, 5}}, [](Inputs in) {
    return concat(std::vector{in[0], in[0]}, 1);
  });
  for (const int64_t shift : {0, 1, 3, -2, 12})
    add_case("roll_rows", concat_text("x [2, 5, 7] by ", shift), {{2, 5, 7}},
             [shift](Inputs in) { return roll_rows(in[0], shift); });
  for (const Shape& shape : {Shape{5, 33}, Shape{5, 1}})
    add_case("gather_rows", concat_text("x ", shape, ", rows 4, 0, 4, 2"), {shape}, [](Inputs in) {
      const std::vector<int32_t> rows{4, 0, 4, 2};
      return gather_rows(in[0], Tensor::from_host<int32_t>(in[0].device(), {4}, rows));
    });
}

}  // namespace amcl
