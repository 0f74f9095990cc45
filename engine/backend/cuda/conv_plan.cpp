#include "engine/backend/cuda/conv_plan.h"

#include "engine/core/check.h"

namespace amcl::cuda {
namespace {

// [a, b, c, d] in memory as dimensions a, d, b, c: channels second, their stride 1.
ConvTensor channels_second(const Shape& shape, DType dtype) {
  return {.dimensions = {shape[0], shape[3], shape[1], shape[2]},
          .strides = {shape[1] * shape[2] * shape[3], 1, shape[2] * shape[3], shape[3]},
          .dtype = dtype};
}

std::string describe(const ConvTensor& tensor) {
  const auto& d = tensor.dimensions;
  return concat_text(d[0], 'x', d[1], 'x', d[2], 'x', d[3], '-', tensor.dtype);
}

const char* name_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::forward:
      return "conv2d";
    case ConvPass::input_gradient:
      return "conv2d_dx";
    case ConvPass::filter_gradient:
      return "conv2d_dw";
  }
  return "?";
}

}  // namespace

ConvPlan plan_convolution(ConvPass pass, const Shape& x, const Shape& w, const Shape& y,
                          const Conv2dSpec& spec, DType dtype) {
  const DType of_filter = pass == ConvPass::filter_gradient ? stat_dtype(dtype) : dtype;
  return {.pass = pass,
          .x = channels_second(x, dtype),
          .w = channels_second(w, of_filter),
          .y = channels_second(y, dtype),
          .stride = {spec.stride, spec.stride},
          .padding = {spec.padding, spec.padding},
          .dilation = {1, 1}};
}

std::string describe(const ConvPlan& plan) {
  return concat_text(name_of(plan.pass), ":x=", describe(plan.x), ",w=", describe(plan.w),
                     ",y=", describe(plan.y), ",stride=", plan.stride[0],
                     ",padding=", plan.padding[0]);
}

}  // namespace amcl::cuda
