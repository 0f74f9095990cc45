// The projection heads (Chen, Kornblith, Norouzi, Hinton, "A simple framework for contrastive
// learning of visual representations", ICML 2020, section 4.2): C heads of linear layers with relu
// between them, side by side as one batched computation. SimSiam's predictor is one too.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/setting.h"
#include "engine/nn/layers.h"

namespace amcl {

// Where batch norm follows a linear layer, which then has no bias (the norm would remove it).
enum class HeadNorm : uint8_t {
  none,
  hidden,     // after each layer but the last
  all,        // after each layer
  all_fixed,  // the same; the last one without scale and shift
};
inline constexpr const char* kHeadNormNames[] = {"none", "hidden", "all", "all-fixed"};

struct ProjectionHeadOptions {
  int64_t heads = 1;
  int64_t layers = 2;
  int64_t hidden = 0;  // width of the layers but the last; 0: as wide as the input
  int64_t dim = 128;   // output features
  HeadNorm norm = HeadNorm::none;

  void visit_settings(const SettingVisitor& visitor);
  // Names and shapes of the weights of heads that read `input_features`.
  void visit_shapes(const std::string& prefix, int64_t input_features,
                    const ShapeVisitor& visitor) const;
};

class ProjectionHead {
 public:
  // Throws Error(usage) for heads, layers, hidden or dim out of range.
  ProjectionHead(Initializer& initializer, int64_t input_features,
                 const ProjectionHeadOptions& options);

  // [M, D], the same for all heads, or [C, M, D] -> [C, M, d].
  Tensor forward(const Tensor& x, const ForwardContext& context);
  // Names as of torch.nn.Sequential, relu and batch norm counted: prefix.*.0.weight,
  // prefix.*.2.weight and their biases without batch norm (see Parameter::stacked).
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

 private:
  struct Layer {
    Linear linear;                  // weight [C, out, in]
    std::optional<BatchNorm> norm;  // [C, out]
  };

  std::vector<Layer> layers_;
};

}  // namespace amcl
