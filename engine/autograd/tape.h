// The tape: reverse-mode differentiation of what ops record while a TapeScope is open.
//
// It is a linear list. An op calls record() with its inputs, its one differentiable output and a
// closure that, given the gradient of the output, writes the gradients of the inputs. backward()
// walks the list from the end and frees each node (and with it the tensors its closure saved) as it
// is consumed. Outside a TapeScope nothing is recorded.
//
//   TapeScope scope;                                   // one step
//   const Tensor loss = objective(model.forward(x));   // leaves are made by Parameter::tracked()
//   tape::backward(loss);                              // gradients are now in the parameters'
//                                                      // GradientSlots
//
// A step can be cut in two: tape::leaf(z) starts a new tape at z, and backward({z}, {dz}) starts
// from given cotangents. There are no second derivatives: recording during backward throws.
#pragma once
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/tensor.h"

namespace amcl {

// Where the gradient of a leaf goes. The first contribution of a backward pass overwrites, later
// ones add; the owner resets `written` between steps.
struct GradientSlot {
  Tensor gradient;
  bool written = false;
};

// The gradients of one node's inputs, as its closure sees them.
class Grads {
 public:
  // Whether input `i` is followed by the tape; if not, its gradient need not be computed.
  bool wants(int i) const;
  // Memory for the gradient of input `i`, shaped and typed as the input (a parameter's: typed as its
  // slot); the closure overwrites all of it. May be the parameter's own gradient memory.
  Tensor& out(int i);
  // The gradient of input `i` is `gradient` itself (not copied), viewed in the input's shape.
  void pass(int i, const Tensor& gradient);

 private:
  friend class Tape;
  struct State;
  explicit Grads(State& state) : state_(state) {}
  State& state_;
};

using BackwardFunction = std::function<void(const Tensor& dy, Grads& grads)>;

class Tape;

// Opens a tape on this thread for its lifetime; scopes nest, the innermost records.
class TapeScope {
 public:
  TapeScope();
  ~TapeScope();
  TapeScope(const TapeScope&) = delete;
  TapeScope& operator=(const TapeScope&) = delete;

 private:
  std::unique_ptr<Tape> tape_;
  Tape* outer_;
};

// Suspends recording on this thread for its lifetime.
class NoTapeScope {
 public:
  NoTapeScope();
  ~NoTapeScope();
  NoTapeScope(const NoTapeScope&) = delete;
  NoTapeScope& operator=(const NoTapeScope&) = delete;

 private:
  Tape* outer_;
};

namespace tape {

// Whether the open tape follows `x`. False without a TapeScope.
bool tracks(const Tensor& x);

// `value` as a leaf of the open tape; its gradient is kept until the scope ends (see gradient()).
// Without a scope returns `value` unchanged.
Tensor leaf(const Tensor& value);
// The same with the gradient going to `slot`, which must outlive the scope; its memory is made if
// there is none. The gradient has the type of that memory, whatever the type of `value`.
Tensor leaf(const Tensor& value, GradientSlot& slot);

// Registers `output` as a function of `inputs` if any of them is tracked, and returns the handle to
// use from here on. The closure's capture list is the list of saved tensors: name each; [=] and [&]
// are not used.
Tensor record(const char* name, std::initializer_list<Tensor> inputs, Tensor output,
              BackwardFunction backward);
Tensor record(const char* name, std::span<const Tensor> inputs, Tensor output,
              BackwardFunction backward);

// `x` as a constant.
Tensor detach(const Tensor& x);

// Gradients of a scalar loss (cotangent 1), or of outputs with given cotangents. Consumes the
// tape's nodes.
void backward(const Tensor& loss);
void backward(std::span<const Tensor> outputs, std::span<const Tensor> cotangents);

// The gradient that backward() left at a leaf made without a slot; an empty handle if nothing
// reached it.
Tensor gradient(const Tensor& leaf);

}  // namespace tape

}  // namespace amcl
