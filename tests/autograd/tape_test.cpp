// The tape, with functions of its own: multiplication by a constant tensor and addition, so that
// nothing above it is needed.
#include "engine/autograd/tape.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/backend/backend.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

Tensor vector_of(const std::vector<double>& values) {
  return Tensor::from_host<double>(test::plain(), {static_cast<int64_t>(values.size())}, values);
}

// x * factor; the closure keeps `factor` alive.
Tensor times(const Tensor& x, const Tensor& factor) {
  Tensor y = Tensor::empty_like(x);
  backend_of(x).binary(BinaryOp::multiply, x, factor, y);
  return tape::record("times", {x}, y, [factor](const Tensor& dy, Grads& grads) {
    backend_of(dy).binary(BinaryOp::multiply, dy, factor, grads.out(0));
  });
}

// a + b; both gradients are the same buffer.
Tensor plus(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty_like(a);
  backend_of(a).binary(BinaryOp::add, a, b, y);
  return tape::record("plus", {a, b}, y, [](const Tensor& dy, Grads& grads) {
    grads.pass(0, dy);
    grads.pass(1, dy);
  });
}

void backward(const Tensor& y, const Tensor& dy) {
  tape::backward(std::span(&y, 1), std::span(&dy, 1));
}

void equals(const Tensor& got, const std::vector<double>& values) {
  CHECK(test::difference(got, vector_of(values), 1e-14) == "");
}

// A parameter's gradient memory as it is before a step: anything.
GradientSlot dirty_slot(int64_t count) {
  return {vector_of(std::vector<double>(static_cast<size_t>(count),
                                        std::numeric_limits<double>::quiet_NaN())),
          false};
}

TEST_CASE("tape: the chain rule through two nodes") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1, 2}));
  backward(times(times(x, vector_of({3, 4})), vector_of({10, 100})), vector_of({1, 2}));
  equals(tape::gradient(x), {30, 800});
}

TEST_CASE("tape: a diamond whose arms share dy adds without corrupting either") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1, 2}));
  const Tensor left = times(x, vector_of({3, 3}));
  const Tensor right = times(x, vector_of({5, 5}));
  // left receives dy from both sums: the second must not be added into the buffer that right holds.
  const Tensor y = plus(plus(left, right), left);
  backward(y, vector_of({1, 10}));
  equals(tape::gradient(x), {3 + 5 + 3, 110});
}

TEST_CASE("tape: the cotangent of the caller is not overwritten") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  const Tensor dy = vector_of({2});
  backward(plus(x, x), dy);
  equals(tape::gradient(x), {4});
  equals(dy, {2});
}

TEST_CASE("tape: a leaf used twice adds, in memory that held NaN before") {
  GradientSlot slot = dirty_slot(2);
  const TapeScope scope;
  const Tensor w = tape::leaf(vector_of({1, 2}), slot);
  backward(plus(times(w, vector_of({3, 4})), times(w, vector_of({5, 6}))), vector_of({1, 1}));
  CHECK(slot.written);
  equals(slot.gradient, {8, 10});
}

TEST_CASE("tape: two leaves of one parameter add into its slot") {
  GradientSlot slot = dirty_slot(1);
  const TapeScope scope;
  const Tensor value = vector_of({1});
  const Tensor first = tape::leaf(value, slot);
  const Tensor second = tape::leaf(value, slot);
  backward(plus(times(first, vector_of({3})), times(second, vector_of({5}))), vector_of({1}));
  equals(slot.gradient, {8});
}

TEST_CASE("tape: a parameter on both sides of one op adds both gradients") {
  // Once the first gradient is passed and the second computed, once the other way round.
  for (const int passed : {0, 1}) {
    GradientSlot slot = dirty_slot(1);
    const TapeScope scope;
    const Tensor w = tape::leaf(vector_of({1}), slot);
    const Tensor y =
        tape::record("mixed", {w, w}, vector_of({0}), [passed](const Tensor& dy, Grads& grads) {
          grads.pass(passed, dy);
          backend_of(dy).affine(dy, 10.0, 0.0, grads.out(1 - passed));
        });
    backward(y, vector_of({1}));
    equals(slot.gradient, {11});
  }
}

TEST_CASE("tape: the first gradient of a parameter is written straight into its memory") {
  GradientSlot slot = dirty_slot(1);
  const TapeScope scope;
  const Tensor w = tape::leaf(vector_of({1}), slot);
  bool direct = false;
  const Tensor y = tape::record("straight", {w}, vector_of({0}),
                                [&slot, &direct](const Tensor& dy, Grads& grads) {
                                  direct = grads.out(0).same_block(slot.gradient);
                                  backend_of(dy).affine(dy, 2.0, 0.0, grads.out(0));
                                });
  backward(y, vector_of({1}));
  CHECK(direct);
  equals(slot.gradient, {2});
}

TEST_CASE("tape: a slot already written in this step is added to, a reset one overwritten") {
  GradientSlot slot = dirty_slot(1);
  const auto step = [&] {
    const TapeScope scope;
    backward(times(tape::leaf(vector_of({1}), slot), vector_of({3})), vector_of({1}));
  };
  step();
  step();
  equals(slot.gradient, {6});
  slot.written = false;
  step();
  equals(slot.gradient, {3});
}

TEST_CASE("tape: what does not lead to the loss gets no gradient") {
  GradientSlot slot = dirty_slot(1);
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  const Tensor unused = tape::leaf(vector_of({1}));
  const Tensor w = tape::leaf(vector_of({1}), slot);
  times(w, vector_of({2}));
  backward(times(x, vector_of({3})), vector_of({1}));
  CHECK(!tape::gradient(unused).defined());
  CHECK(!slot.written);
}

TEST_CASE("tape: constants are not followed and their gradients not computed") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  const Tensor constant = vector_of({5});
  CHECK(!tape::tracks(plus(constant, constant)));
  std::vector<bool> wanted;
  const Tensor y = tape::record("asks", {x, constant}, vector_of({0}),
                                [&wanted](const Tensor& dy, Grads& grads) {
                                  wanted = {grads.wants(0), grads.wants(1)};
                                  grads.pass(0, dy);
                                  grads.pass(1, dy);
                                });
  backward(y, vector_of({1}));
  CHECK(wanted == std::vector<bool>{true, false});
  equals(tape::gradient(x), {1});
}

TEST_CASE("tape: a step cut at a leaf gives the gradients of the uncut one") {
  test::Rng rng(3);
  const Tensor start = rng.normal(test::plain(), {4});
  const Tensor f = rng.normal(test::plain(), {4});
  const Tensor g = rng.normal(test::plain(), {4});
  const Tensor dy = rng.normal(test::plain(), {4});
  const auto head = [&](const Tensor& z) { return plus(times(z, g), z); };

  GradientSlot uncut = dirty_slot(4);
  {
    const TapeScope scope;
    backward(head(times(tape::leaf(start, uncut), f)), dy);
  }
  GradientSlot cut = dirty_slot(4);
  {
    const TapeScope body;
    const Tensor z = times(tape::leaf(start, cut), f);
    Tensor dz;
    {
      const TapeScope rest;
      const Tensor z_again = tape::leaf(z);
      backward(head(z_again), dy);
      dz = tape::gradient(z_again);
    }
    backward(z, dz);
  }
  CHECK(cut.gradient.to_host<double>() == uncut.gradient.to_host<double>());
}

TEST_CASE("tape: several outputs with their cotangents add") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  const std::vector<Tensor> outputs{times(x, vector_of({3})), times(x, vector_of({5}))};
  tape::backward(outputs, std::vector{vector_of({1}), vector_of({10})});
  equals(tape::gradient(x), {53});
}

TEST_CASE("tape: what the closures saved is freed while backward walks") {
  Allocator& memory = test::plain().allocator();
  const int64_t before = memory.use().in_use;
  const int64_t block = 1 << 20;
  const int64_t layers = 16;
  GradientSlot slot{Tensor::empty(test::plain(), {block / 8}, DType::f64), false};
  const TapeScope scope;
  {
    Tensor y = tape::leaf(Tensor::zeros(test::plain(), {block / 8}, DType::f64), slot);
    for (int64_t layer = 0; layer < layers; ++layer)
      y = times(y, Tensor::zeros(test::plain(), {block / 8}, DType::f64));
    // The saved factors, the last output and the gradient slot; no other activation is alive.
    CHECK(memory.use().in_use - before < (layers + 3) * block);
    const Tensor dy = Tensor::zeros(test::plain(), {block / 8}, DType::f64);
    memory.reset_peak();
    backward(y, dy);
  }
  // Two gradients at a time on top of what shrinks.
  CHECK(memory.use().peak - before < (layers + 5) * block);
  CHECK(memory.use().in_use - before < 2 * block);
}

TEST_CASE("tape: detached tensors stop the gradient and share the elements") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({2}));
  const Tensor stopped = tape::detach(x);
  CHECK(!tape::tracks(stopped));
  CHECK(stopped.same_block(x));
  backward(plus(times(x, vector_of({3})), times(stopped, vector_of({5}))), vector_of({1}));
  equals(tape::gradient(x), {3});
}

TEST_CASE("tape: without a scope nothing is recorded and leaves are plain tensors") {
  const Tensor x = vector_of({1});
  GradientSlot slot = dirty_slot(1);
  CHECK(!tape::tracks(tape::leaf(x)));
  CHECK(!tape::tracks(tape::leaf(x, slot)));
  CHECK(!tape::tracks(times(x, x)));
  CHECK_THROWS_WITH_AS(tape::backward(x), "backward: no TapeScope is open", Error);
  CHECK_THROWS_WITH_AS(tape::gradient(x), "gradient: no TapeScope is open", Error);
}

TEST_CASE("tape: NoTapeScope suspends recording and gives it back") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  {
    const NoTapeScope none;
    CHECK(!tape::tracks(times(x, vector_of({2}))));
  }
  CHECK(tape::tracks(times(x, vector_of({2}))));
}

TEST_CASE("tape: scopes nest, the innermost records, and the outer one is untouched") {
  const TapeScope outer;
  const Tensor x = tape::leaf(vector_of({1}));
  {
    const TapeScope inner;
    CHECK(!tape::tracks(x));
    const Tensor y = tape::leaf(vector_of({1}));
    CHECK(tape::tracks(times(y, x)));
    CHECK_THROWS_WITH_AS(backward(times(x, y), vector_of({1})),
                         "backward: output 0 is not followed by the open tape", Error);
  }
  backward(times(x, vector_of({7})), vector_of({1}));
  equals(tape::gradient(x), {7});
}

TEST_CASE("tape: second derivatives are refused by name, and the tape can be used again") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1}));
  const Tensor y = tape::record("twice", {x}, vector_of({0}), [x](const Tensor& dy, Grads& grads) {
    grads.pass(0, times(x, dy));
  });
  CHECK_THROWS_WITH_AS(backward(y, vector_of({1})),
                       "times: recorded during backward; second derivatives are not supported",
                       Error);
  CHECK(tape::tracks(times(x, vector_of({2}))));
}

TEST_CASE("tape: a loss must be one number, a cotangent shaped as its output") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({1, 2}));
  CHECK_THROWS_WITH_AS(tape::backward(times(x, x)),
                       "backward: the loss must be one number, its shape is [2]", Error);
  CHECK_THROWS_WITH_AS(backward(times(x, x), vector_of({1})),
                       "backward: output 0 is [2], its cotangent [1]", Error);
}

TEST_CASE("tape: the gradient of a loss starts from one") {
  const TapeScope scope;
  const Tensor x = tape::leaf(vector_of({5}));
  tape::backward(times(x, vector_of({3})));
  equals(tape::gradient(x), {3});
}

}  // namespace
}  // namespace amcl
