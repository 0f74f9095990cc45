#include "engine/nn/layers.h"

#include "engine/backend/backend.h"

namespace amcl {
namespace {

// Running statistics are buffers, not parameters: they take no number from the initializer.
Tensor buffer(const Initializer& initializer, const Shape& shape, double value) {
  Tensor result = Tensor::empty(initializer.device(), shape, initializer.dtype());
  backend_of(result).fill(result, value);
  return result;
}

}  // namespace

Conv2d::Conv2d(Initializer& initializer, int64_t input_channels, int64_t output_channels,
               int64_t kernel, int64_t stride, int64_t padding)
    : weight(initializer.kaiming_normal_fan_out(
                 Shape{output_channels, kernel, kernel, input_channels}),
             ParameterRole::weight),
      spec{.stride = stride, .padding = padding} {}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight.tracked(x.dtype()), spec);
}

void Conv2d::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  visitor.parameter(join(prefix, "weight"), weight);
}

BatchNorm::BatchNorm(Initializer& initializer, int64_t channels, int64_t heads, bool with_affine)
    : affine(with_affine) {
  const Shape shape = heads == 0 ? Shape{channels} : Shape{heads, channels};
  weight = Parameter(initializer.constant(shape, 1.0), ParameterRole::norm, heads > 0);
  bias = Parameter(initializer.constant(shape, 0.0), ParameterRole::norm, heads > 0);
  running.mean = buffer(initializer, shape, 0.0);
  running.variance = buffer(initializer, shape, 1.0);
}

Tensor BatchNorm::forward(const Tensor& x, const ForwardContext& context, bool relu,
                          const Tensor& nullable_residual) {
  running.update = context.update_running_statistics;
  const BatchNormSpec spec{.groups = context.phase == Phase::train ? context.batch_norm_groups : 1,
                           .relu = relu};
  return batch_norm(x, affine ? weight.tracked() : weight.value,
                    affine ? bias.tracked() : bias.value, running, context.phase, spec,
                    nullable_residual);
}

void BatchNorm::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  if (affine) {
    visitor.parameter(join(prefix, "weight"), weight);
    visitor.parameter(join(prefix, "bias"), bias);
  }
  visitor.buffer(join(prefix, "running_mean"), running.mean);
  visitor.buffer(join(prefix, "running_var"), running.variance);
}

Linear::Linear(Initializer& initializer, int64_t heads, int64_t input_features,
               int64_t output_features, bool with_bias)
    : weight(initializer.uniform_fan_in(heads == 0 ? Shape{output_features, input_features}
                                                   : Shape{heads, output_features, input_features},
                                        input_features),
             ParameterRole::weight, heads > 0) {
  if (!with_bias) return;
  bias = Parameter(
      initializer.uniform_fan_in(
          heads == 0 ? Shape{output_features} : Shape{heads, output_features}, input_features),
      ParameterRole::bias, heads > 0);
}

Tensor Linear::forward(const Tensor& x) {
  return linear(x, weight.tracked(), bias.value.defined() ? bias.tracked() : Tensor{});
}

void Linear::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  visitor.parameter(join(prefix, "weight"), weight);
  if (bias.value.defined()) visitor.parameter(join(prefix, "bias"), bias);
}

}  // namespace amcl
