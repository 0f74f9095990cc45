// Residual networks (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR
// 2016) as torchvision builds them, without the classifier: images [N, H, W, 3] -> features [N, D].
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/setting.h"
#include "engine/nn/layers.h"

namespace amcl {

struct ResNetOptions {
  std::string backbone = "resnet18";
  int64_t width = 64;  // channels of the first stage; later stages have 2, 4 and 8 times as many
  // cifar: 3x3; imagenet: 7x7 stride 2, then max pool 3x3 stride 2. kAutoStem has to be replaced by one
  // of them, by the size of the images, before a network is made.
  std::string stem = "cifar";
  // bf16: activations between the stem and the last stage, and rounded copies of the weights;
  // statistics of batch norm, gradients of weights and the features stay f32.
  DType activations = DType::f32;

  void visit_settings(const SettingVisitor& visitor);
  // Of the features; Error(usage) for an unknown backbone.
  int64_t feature_dim() const;
  // Name and shape of the largest filter of the last stage, which outweighs the rest up to a factor.
  void visit_shapes(const std::string& prefix, const ShapeVisitor& visitor) const;
};

inline constexpr const char* kAutoStem = "auto";
// cifar up to 64 pixels, imagenet above: one that keeps images of 224 pixels at full size takes eight times
// the memory and time of one of stride 4.
const char* usual_stem(int64_t image_side);

// The values that `backbone` and `stem` may take.
std::vector<std::string> backbone_names();
std::vector<std::string> stem_names();

// The stem whose first window is that wide, and the backbone of so many blocks in its stages; empty if
// there is none.
std::optional<std::string> stem_of_window(int64_t window);
std::optional<std::string> backbone_of_blocks(const std::array<int64_t, 4>& blocks,
                                              bool bottleneck);

// A convolution and the batch norm after it, fused with what follows.
struct ConvNorm {
  Conv2d conv;
  BatchNorm norm;

  ConvNorm(Initializer& initializer, int64_t input_channels, int64_t output_channels,
           int64_t kernel, int64_t stride);
  Tensor forward(const Tensor& x, const ForwardContext& context, bool relu,
                 const Tensor& nullable_residual = {});
};

// y = relu(F(x) + shortcut(x)). F: two 3x3 convolutions (basic), or 1x1, 3x3, 1x1 (bottleneck) with
// the stride at the 3x3 (torchvision's choice; the paper strides the first 1x1).
struct ResidualBlock {
  std::vector<ConvNorm> units;
  std::optional<ConvNorm> downsample;  // where the shape changes; else the shortcut is x itself

  ResidualBlock(Initializer& initializer, int64_t input_channels, int64_t width, int64_t stride,
                bool bottleneck);
  Tensor forward(const Tensor& x, const ForwardContext& context);
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

  int64_t output_channels() const;
};

class ResNet {
 public:
  // Throws Error(usage) for an unknown backbone or stem, with the known ones, and for a width < 1.
  ResNet(Initializer& initializer, const ResNetOptions& options);

  Tensor forward(const Tensor& images, const ForwardContext& context);
  // forward in its parts: the stem with its pool, then the stages 0 to 3, then the mean over space.
  Tensor stem(const Tensor& images, const ForwardContext& context);
  Tensor stage(size_t index, const Tensor& x, const ForwardContext& context);
  size_t stage_count() const { return stages_.size(); }
  // The units that forward goes through, for who rewrites them (inference_resnet.h).
  const ConvNorm& stem_unit() const { return stem_; }
  std::optional<PoolSpec> stem_pool() const;
  const std::vector<std::vector<ResidualBlock>>& stages() const { return stages_; }
  int64_t feature_dim() const { return feature_dim_; }
  // Names as in torchvision: conv1.weight, bn1.weight, layer1.0.conv1.weight,
  // layer2.0.downsample.0.weight, ...
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  ConvNorm stem_;
  bool pool_;
  bool rounds_;  // to bf16
  std::vector<std::vector<ResidualBlock>> stages_;
  int64_t feature_dim_ = 0;
};

}  // namespace amcl
