#include "models/inference_resnet.h"

#include <cmath>

namespace amcl {

Tensor FoldedConv::forward(const Tensor& x, bool relu, const Tensor& nullable_residual) const {
  return conv2d_fused(x, weight, bias, nullable_residual, spec, relu);
}

std::vector<double> fold_batch_norm(std::vector<double>& weight, const BatchNormValues& norm) {
  const size_t taps = weight.size() / norm.gamma.size();
  std::vector<double> bias(norm.gamma.size());
  for (size_t k = 0; k < bias.size(); ++k) {
    const double scale = norm.gamma[k] / std::sqrt(norm.variance[k] + BatchNormSpec{}.epsilon);
    bias[k] = norm.beta[k] - norm.mean[k] * scale;
    double sum = bias[k];
    for (size_t i = k * taps; i < (k + 1) * taps; ++i) sum += weight[i] *= scale;
    if (!std::isfinite(sum))
      fail(ErrorKind::numeric,
           "the weights of the encoder are not finite: its training has failed");
  }
  return bias;
}

FoldedConv fold(const ConvNorm& unit, DType activations) {
  const Tensor& trained = unit.conv.weight.value;
  std::vector<double> weight = trained.to_host<double>();
  const std::vector<double> bias =
      fold_batch_norm(weight, {.gamma = unit.norm.weight.value.to_host<double>(),
                               .beta = unit.norm.bias.value.to_host<double>(),
                               .mean = unit.norm.running.mean.to_host<double>(),
                               .variance = unit.norm.running.variance.to_host<double>()});
  Device& device = trained.device();
  return {.weight = Tensor::from_host<double>(device, trained.shape(), weight, activations),
          .bias = Tensor::from_host<double>(device, unit.norm.bias.value.shape(), bias,
                                            stat_dtype(activations)),
          .spec = unit.conv.spec};
}

InferenceResNet::InferenceResNet(const ResNet& trained, DType activations)
    : stem_(fold(trained.stem_unit(), activations)),
      pool_(trained.stem_pool()),
      activations_(activations) {
  for (const std::vector<ResidualBlock>& stage : trained.stages())
    for (const ResidualBlock& block : stage) {
      Block& folded = blocks_.emplace_back();
      for (const ConvNorm& unit : block.units) folded.units.push_back(fold(unit, activations));
      if (block.downsample) folded.downsample = fold(*block.downsample, activations);
    }
}

Tensor InferenceResNet::forward(const Tensor& images) const {
  Tensor x = stem_.forward(activations_ == images.dtype() ? images : cast(images, activations_),
                           /*relu=*/true);
  if (pool_) x = max_pool(x, *pool_);
  for (const Block& block : blocks_) {
    const Tensor shortcut = block.downsample ? block.downsample->forward(x, /*relu=*/false) : x;
    for (size_t i = 0; i + 1 < block.units.size(); ++i)
      x = block.units[i].forward(x, /*relu=*/true);
    x = block.units.back().forward(x, /*relu=*/true, shortcut);
  }
  return global_average_pool(x.dtype() == DType::f32 ? x : cast(x, DType::f32));
}

}  // namespace amcl
