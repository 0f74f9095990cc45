// The layers with parameters: convolution, batch norm, linear.
#pragma once
#include "engine/nn/init.h"
#include "engine/nn/parameter.h"
#include "engine/ops/ops.h"

namespace amcl {

// What a forward pass needs to know besides its input.
struct ForwardContext {
  Phase phase = Phase::train;
  int64_t batch_norm_groups = 1;  // statistics per view: 2
  bool update_running_statistics = true;
};

struct Conv2d {
  Parameter weight;  // [K, R, S, C]
  Conv2dSpec spec;

  Conv2d(Initializer& initializer, int64_t input_channels, int64_t output_channels, int64_t kernel,
         int64_t stride, int64_t padding);
  // [N, H, W, C] -> [N, P, Q, K]; in bf16 where x is, with the weight rounded and its gradient f32.
  Tensor forward(const Tensor& x);
  void visit(const std::string& prefix, const ModuleVisitor& visitor);
};

// One batch norm over [..., C], or `heads` side by side over [heads, M, C].
struct BatchNorm {
  Parameter weight;           // gamma [C] or [heads, C]
  Parameter bias;             // beta, likewise
  RunningStatistics running;  // likewise
  bool affine;                // whether weight and bias are parameters; else they stay 1 and 0

  // heads = 0: without the leading axis.
  BatchNorm(Initializer& initializer, int64_t channels, int64_t heads = 0, bool with_affine = true);
  // norm(x), then + residual, then relu, where asked; one fused pass each way.
  Tensor forward(const Tensor& x, const ForwardContext& context, bool relu,
                 const Tensor& nullable_residual = {});
  void visit(const std::string& prefix, const ModuleVisitor& visitor);
};

// `heads` linear layers side by side: weight [C, out, in] (or [out, in] if shared).
struct Linear {
  Parameter weight;
  Parameter bias;  // an empty handle where there is none

  // heads = 0: one layer without the leading axis.
  Linear(Initializer& initializer, int64_t heads, int64_t input_features, int64_t output_features,
         bool with_bias = true);
  Tensor forward(const Tensor& x);  // [M, in] or [C, M, in] -> [M, out] or [C, M, out]
  void visit(const std::string& prefix, const ModuleVisitor& visitor);
};

}  // namespace amcl
