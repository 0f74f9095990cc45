#include "engine/autograd/tape.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/backend/backend.h"

namespace amcl {
namespace {

thread_local Tape* open_tape = nullptr;

uint64_t next_tape_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

class Tape {
 public:
  // What the gradient of a followed tensor must look like, and the gradient while it is being
  // summed.
  struct Value {
    Shape shape;
    DType dtype = DType::f32;
    Device* device = nullptr;
    GradientSlot* slot = nullptr;  // of a parameter
    Tensor gradient;
  };
  struct Node {
    const char* name;
    std::vector<int32_t> inputs;  // value indices, -1 where not followed
    int32_t output;
    BackwardFunction backward;
  };

  Tape() : id_(next_tape_id()) {}

  uint64_t id() const { return id_; }
  bool tracks(const Tensor& x) const { return x.slot().tape == id_; }

  Tensor add_value(Tensor tensor, GradientSlot* slot) {
    const DType dtype = slot != nullptr ? slot->gradient.dtype() : tensor.dtype();
    values_.push_back({tensor.shape(), dtype, &tensor.device(), slot, Tensor{}});
    tensor.set_slot({id_, static_cast<int32_t>(values_.size() - 1)});
    return tensor;
  }

  Tensor record(const char* name, std::span<const Tensor> inputs, Tensor output,
                BackwardFunction backward) {
    AMCL_CHECK(!running_, name, ": recorded during backward; second derivatives are not supported");
    std::vector<int32_t> indices;
    bool any = false;
    for (const Tensor& input : inputs) {
      const bool tracked = tracks(input);
      indices.push_back(tracked ? input.slot().index : -1);
      any = any || tracked;
    }
    if (!any) return tape::detach(output);
    output = add_value(std::move(output), nullptr);
    nodes_.push_back({name, std::move(indices), output.slot().index, std::move(backward)});
    return output;
  }

  void backward(std::span<const Tensor> outputs, std::span<const Tensor> cotangents);

  Tensor gradient(const Tensor& leaf) const {
    AMCL_CHECK(tracks(leaf), "tape: gradient of a tensor that this tape does not follow");
    return values_[static_cast<size_t>(leaf.slot().index)].gradient;
  }

  Value& value(int32_t index) { return values_[static_cast<size_t>(index)]; }
  // Adds `gradient` to what value `index` has so far.
  void contribute(int32_t index, const Tensor& gradient);

 private:
  uint64_t id_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  bool running_ = false;
};

struct Grads::State {
  Tape& tape;
  const std::vector<int32_t>& inputs;
  std::vector<Tensor> outs;
};

bool Grads::wants(int i) const {
  return state_.inputs[static_cast<size_t>(i)] >= 0;
}

Tensor& Grads::out(int i) {
  Tensor& out = state_.outs[static_cast<size_t>(i)];
  if (!out.defined()) {
    const Tape::Value& value = state_.tape.value(state_.inputs[static_cast<size_t>(i)]);
    // The parameter's own memory serves if this is its only gradient from this node: of two, one
    // would overwrite the other before they are added.
    const auto same_slot = [&](int32_t index) {
      return index >= 0 && state_.tape.value(index).slot == value.slot;
    };
    const bool first = value.slot != nullptr && !value.slot->written &&
                       std::count_if(state_.inputs.begin(), state_.inputs.end(), same_slot) == 1;
    out = first ? value.slot->gradient : Tensor::empty(*value.device, value.shape, value.dtype);
  }
  return out;
}

void Grads::pass(int i, const Tensor& gradient) {
  if (wants(i))
    state_.outs[static_cast<size_t>(i)] =
        gradient.view(state_.tape.value(state_.inputs[static_cast<size_t>(i)]).shape);
}

void Tape::contribute(int32_t index, const Tensor& gradient) {
  Value& target = value(index);
  if (target.slot != nullptr) {
    Tensor& sum = target.slot->gradient;
    if (target.slot->written)
      backend_of(sum).accumulate(gradient, sum);
    else if (!sum.same_block(gradient))
      sum.device().copy(sum.raw(), gradient.raw(), sum.bytes());
    target.slot->written = true;
  } else if (!target.gradient.defined()) {
    target.gradient = gradient;
  } else if (target.gradient.sole_owner()) {
    backend_of(gradient).accumulate(gradient, target.gradient);
  } else {
    // The buffer is shared (both inputs of a residual add receive the same dy): adding in place
    // would corrupt it.
    Tensor sum = Tensor::empty_like(gradient);
    backend_of(gradient).binary(BinaryOp::add, target.gradient, gradient, sum);
    target.gradient = sum;
  }
}

void Tape::backward(std::span<const Tensor> outputs, std::span<const Tensor> cotangents) {
  AMCL_CHECK(outputs.size() == cotangents.size(), "backward: ", outputs.size(), " outputs and ",
             cotangents.size(), " cotangents");
  // Whatever a closure throws, the tape can be used again.
  struct Running {
    explicit Running(bool& flag) : flag_(flag) { flag_ = true; }
    ~Running() { flag_ = false; }
    bool& flag_;
  } const running(running_);
  for (size_t i = 0; i < outputs.size(); ++i) {
    AMCL_CHECK(tracks(outputs[i]), "backward: output ", i, " is not followed by the open tape");
    AMCL_CHECK(outputs[i].shape() == cotangents[i].shape(), "backward: output ", i, " is ",
               outputs[i].shape(), ", its cotangent ", cotangents[i].shape());
    contribute(outputs[i].slot().index, tape::detach(cotangents[i]));
  }
  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    const Tensor dy = std::exchange(value(node.output).gradient, Tensor{});
    if (!dy.defined()) continue;
    Grads::State state{*this, node.inputs, std::vector<Tensor>(node.inputs.size())};
    Grads grads(state);
    node.backward(dy, grads);
    node.backward = nullptr;  // frees what the closure saved before the next node allocates
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      Tensor out = std::exchange(state.outs[i], Tensor{});
      if (node.inputs[i] >= 0 && out.defined()) contribute(node.inputs[i], out);
    }
  }
}

TapeScope::TapeScope() : tape_(std::make_unique<Tape>()), outer_(open_tape) {
  open_tape = tape_.get();
}

TapeScope::~TapeScope() {
  open_tape = outer_;
}

NoTapeScope::NoTapeScope() : outer_(std::exchange(open_tape, nullptr)) {}

NoTapeScope::~NoTapeScope() {
  open_tape = outer_;
}

namespace tape {

bool tracks(const Tensor& x) {
  return open_tape != nullptr && open_tape->tracks(x);
}

Tensor leaf(const Tensor& value) {
  return open_tape == nullptr ? value : open_tape->add_value(value, nullptr);
}

Tensor leaf(const Tensor& value, GradientSlot& slot) {
  if (open_tape == nullptr) return value;
  if (!slot.gradient.defined()) slot.gradient = Tensor::empty_like(value);
  return open_tape->add_value(value, &slot);
}

Tensor record(const char* name, std::initializer_list<Tensor> inputs, Tensor output,
              BackwardFunction backward) {
  return record(name, std::span<const Tensor>(inputs.begin(), inputs.size()), std::move(output),
                std::move(backward));
}

Tensor record(const char* name, std::span<const Tensor> inputs, Tensor output,
              BackwardFunction backward) {
  return open_tape == nullptr
             ? detach(output)
             : open_tape->record(name, inputs, std::move(output), std::move(backward));
}

Tensor detach(const Tensor& x) {
  Tensor result = x;
  result.set_slot({});
  return result;
}

void backward(const Tensor& loss) {
  AMCL_CHECK(loss.count() == 1, "backward: the loss must be one number, its shape is ",
             loss.shape());
  Tensor one = Tensor::empty_like(loss);
  backend_of(loss).fill(one, 1.0);
  backward(std::span(&loss, 1), std::span<const Tensor>(&one, 1));
}

void backward(std::span<const Tensor> outputs, std::span<const Tensor> cotangents) {
  AMCL_CHECK(open_tape != nullptr, "backward: no TapeScope is open");
  open_tape->backward(outputs, cotangents);
}

Tensor gradient(const Tensor& leaf) {
  AMCL_CHECK(open_tape != nullptr, "gradient: no TapeScope is open");
  return open_tape->gradient(leaf);
}

}  // namespace tape

}  // namespace amcl
