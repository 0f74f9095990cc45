// The backward of every op against finite differences: all cases of the table in plain f64.
#include "tests/support/gradcheck.h"

#include <doctest/doctest.h>

#include "engine/op_cases/op_cases.h"
#include "engine/ops/ops.h"
#include "tests/support/backends.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

std::vector<Tensor> upload(const OpCase& op_case) {
  std::vector<Tensor> inputs;
  for (const HostTensor& host : op_case.inputs)
    inputs.push_back(Tensor::from_host<double>(test::plain(), host.shape, host.values));
  return inputs;
}

TEST_CASE("ops: every backward matches finite differences") {
  for (const OpCase& op_case : op_cases()) {
    if (!op_case.differentiable || !op_case.gradcheck) continue;
    INFO(op_case.op, ": ", op_case.detail);
    CHECK(test::gradcheck(op_case.function, upload(op_case)) == "");
  }
}

// The checker itself must find each kind of mistake that it exists for: squares with a wrong
// backward.
Tensor square_with(std::span<const Tensor> in, BackwardFunction backward) {
  Tensor y = Tensor::empty_like(in[0]);
  backend_of(y).unary(UnaryOp::square, in[0], y);
  return tape::record("square_with", {in[0]}, y, std::move(backward));
}

std::string check_square(const std::function<BackwardFunction(const Tensor& x)>& backward) {
  const Tensor x = test::Rng(5).normal(test::plain(), {3, 4});
  return test::gradcheck(
      [&](std::span<const Tensor> in) { return square_with(in, backward(in[0])); },
      std::span(&x, 1));
}

TEST_CASE("gradcheck: a right backward passes") {
  CHECK(check_square([](const Tensor& x) {
          return [x](const Tensor& dy, Grads& grads) {
            backend_of(dy).unary_backward(UnaryOp::square, x, x, dy, grads.out(0));
          };
        }) == "");
}

TEST_CASE("gradcheck: a wrong factor is found") {
  const std::string problem = check_square([](const Tensor& x) {
    return [x](const Tensor& dy, Grads& grads) {
      backend_of(dy).binary(BinaryOp::multiply, x, dy, grads.out(0));
    };
  });
  CHECK(problem.find("differences give") != std::string::npos);
}

TEST_CASE("gradcheck: a backward that adds to memory that it must overwrite is found") {
  const std::string problem = check_square([](const Tensor& x) {
    return [x](const Tensor& dy, Grads& grads) {
      Tensor gradient = Tensor::empty_like(x);
      backend_of(dy).unary_backward(UnaryOp::square, x, x, dy, gradient);
      backend_of(dy).accumulate(gradient, grads.out(0));
    };
  });
  CHECK(problem.find("not written") != std::string::npos);
}

TEST_CASE("gradcheck: a missing gradient is found") {
  const std::string problem =
      check_square([](const Tensor&) { return [](const Tensor&, Grads&) {}; });
  CHECK(problem.find("not written") != std::string::npos);
}

TEST_CASE("gradcheck: an error in one element among many is found") {
  const Tensor x = test::Rng(6).normal(test::plain(), {40, 50});
  const auto function = [](std::span<const Tensor> in) {
    return square_with(in, [x = in[0]](const Tensor& dy, Grads& grads) {
      backend_of(dy).unary_backward(UnaryOp::square, x, x, dy, grads.out(0));
      grads.out(0).data<double>()[777] *= 1.5;
    });
  };
  CHECK(test::gradcheck(function, std::span(&x, 1)).find("differences give") != std::string::npos);
}

TEST_CASE("gradcheck: a point at a kink is reported as a kink") {
  const Tensor x = Tensor::from_host<double>(test::plain(), {2}, std::vector<double>{1.0, 1.5e-5});
  const std::string problem =
      test::gradcheck([](std::span<const Tensor> in) { return relu(in[0]); }, std::span(&x, 1));
  CHECK(problem.find("kink") != std::string::npos);
}

}  // namespace
}  // namespace amcl
