// Parameters and buffers of modules, and the walk over them. A module is a plain struct with
// forward() and visit(); checkpoints, optimiser segments, moving averages and counts all come from
// visit().
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/core/tensor.h"

namespace amcl {

// Decides about weight decay and trust ratios; never the rank.
enum class ParameterRole { weight, bias, norm, temperature };

struct Parameter {
  Tensor value;
  ParameterRole role = ParameterRole::weight;
  // Whether axis 0 stacks the heads: in checkpoints each head is a tensor of its own, and its
  // visited name holds a '*' where the head's number goes.
  bool stacked = false;
  // Whether the learning rate stays at its peak when the schedule lowers it (SimSiam's predictor).
  bool constant_rate = false;
  double rate_scale = 1.0;  // factor on the learning rate
  GradientSlot slot;

  Parameter() = default;
  Parameter(Tensor initial, ParameterRole role_of_it, bool is_stacked = false)
      : value(std::move(initial)), role(role_of_it), stacked(is_stacked) {}

  // The value as a leaf of the open tape (the value itself without one).
  Tensor tracked() { return tape::leaf(value, slot); }
  // The same rounded to `dtype` where that is another type; the gradient keeps the value's type.
  Tensor tracked(DType dtype);
};

// Called with the name and extents of a parameter before it is made, so that a file can be compared
// with the options that it came from before anything of their size is there.
using ShapeVisitor =
    std::function<void(const std::string& name, const std::vector<int64_t>& shape)>;

// What visit() calls, once per field, with names as torchvision has them ("layer1.0.conv1.weight").
struct ModuleVisitor {
  std::function<void(const std::string& name, Parameter& parameter)> parameter;
  // State that is no parameter: running statistics, queues, a momentum encoder. A '*' in the name
  // stands for the number of the head, as in names of stacked parameters.
  std::function<void(const std::string& name, Tensor& buffer)> buffer;
};

// prefix "layer1.0", name "conv1" -> "layer1.0.conv1"; an empty prefix gives the name.
inline std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace amcl
