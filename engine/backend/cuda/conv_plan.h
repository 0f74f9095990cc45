// Backend::conv2d and its gradients in the terms of cuDNN's graph interface: tensors by dimensions
// in the order N, C, H, W (filters K, C, R, S) and by strides, which say that memory is NHWC
// (KRSC). Pure host code, tested by convolving on the host with nothing but what the plan says.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "engine/backend/op_specs.h"
#include "engine/core/dtype.h"
#include "engine/core/shape.h"

namespace amcl::cuda {

enum class ConvPass : uint8_t { forward, input_gradient, filter_gradient };

struct ConvTensor {
  std::array<int64_t, 4> dimensions{};  // N, C, H, W or K, C, R, S
  std::array<int64_t, 4> strides{};     // elements, in the same order
  DType dtype = DType::f32;

  bool operator==(const ConvTensor&) const = default;
};

struct ConvPlan {
  ConvPass pass = ConvPass::forward;
  ConvTensor x;  // or its gradient
  ConvTensor w;
  ConvTensor y;
  std::array<int64_t, 2> stride{};
  std::array<int64_t, 2> padding{};  // before and after alike
  std::array<int64_t, 2> dilation{};

  bool operator==(const ConvPlan&) const = default;
};

// x [N, H, W, C], w [K, R, S, C], y [N, P, Q, K]. `dtype` is that of the tensors that the pass
// reads; what it writes has it too, but a filter's gradient is f32 (f64 in f64): it goes to the
// parameter's gradient memory. Sums are in f32.
ConvPlan plan_convolution(ConvPass pass, const Shape& x, const Shape& w, const Shape& y,
                          const Conv2dSpec& spec, DType dtype);

// One word of text per plan, for caches and messages: two plans have the same one if and only if
// they are equal.
std::string describe(const ConvPlan& plan);

}  // namespace amcl::cuda
