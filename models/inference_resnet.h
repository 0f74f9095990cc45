// A trained ResNet for inference: each batch norm is folded into the convolution before it, and bias,
// residual and relu are part of the convolution's kernel, so that an activation is written once and
// read once. Nothing is recorded for a backward pass.
//
//   w'[k] = w[k] gamma[k] / sqrt(variance[k] + epsilon)
//   b'[k] = beta[k] - mean[k] gamma[k] / sqrt(variance[k] + epsilon)
#pragma once
#include <optional>
#include <vector>

#include "models/resnet.h"

namespace amcl {

// A convolution with a bias, which may add a residual and cut at zero: y = [relu] (x * w + b [+ r]).
struct FoldedConv {
  Tensor weight;  // [K, R, S, C]
  Tensor bias;    // [K] of stat_dtype
  Conv2dSpec spec;

  Tensor forward(const Tensor& x, bool relu, const Tensor& nullable_residual = {}) const;
};

// What a batch norm knows of each of K channels.
struct BatchNormValues {
  std::vector<double> gamma, beta, mean, variance;
};
// Multiplies the filters [K, ...] by the norm that follows them; returns the bias [K]. Throws
// Error(numeric) if a number of it is not finite.
std::vector<double> fold_batch_norm(std::vector<double>& weight, const BatchNormValues& norm);

// The convolution of a unit with its batch norm folded in: computed in f64 and rounded once, to
// `activations`. Throws as fold_batch_norm.
FoldedConv fold(const ConvNorm& unit, DType activations);

class InferenceResNet {
 public:
  // A copy of the weights and running statistics, in f32 or bf16.
  InferenceResNet(const ResNet& trained, DType activations);

  // Features [N, D] f32 of normalised images [N, H, W, 3] f32.
  Tensor forward(const Tensor& images) const;

 private:
  struct Block {
    std::vector<FoldedConv> units;
    std::optional<FoldedConv> downsample;
  };

  FoldedConv stem_;
  std::optional<PoolSpec> pool_;
  DType activations_;
  std::vector<Block> blocks_;
};

}  // namespace amcl
